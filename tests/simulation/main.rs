//! Networks of finite size.

#[path = "../common/mod.rs"]
mod common;
mod networks;
mod optimizers;
mod structured;

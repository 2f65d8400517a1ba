//! Networks of finite size.

#[path = "../common/mod.rs"]
mod common;
mod finite_size;
mod networks;
mod optimizers;
mod sequences;
mod structured;

//! The theory of [`diagonet`] as a page in the browser asks for it.
//!
//! A [`State`] is the list of numbers that the page's knobs set. A question, a function of
//! [`questions`], takes it to an [`Answer`]: a list of numbers, with a message for each that does not
//! exist. [`exports`] hands both through the memory of a WebAssembly module.

pub mod exports;
pub mod questions;
mod state;

pub use questions::Answer;
pub use state::State;

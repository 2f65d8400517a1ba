//! What the WebAssembly module exports.
//!
//! A caller reserves an input of numbers, writes a [`State`] and further numbers into it, and asks one of
//! the questions; the count of numbers in the answer is returned. Numbers and messages of the answer are
//! then read from the memory of the module, at the addresses that [`output`] and [`text`] give. They hold
//! until the next question. Messages are lines of text in UTF-8, each with the position of its number, a
//! tabulator, and the reason why there is none. An answer of no numbers has a single reason.

// An exported name is unsafe because another definition could have it, too.
#![allow(unsafe_code)]

use std::cell::RefCell;

use diagonet::Result;

use crate::questions::{self, Answer};
use crate::state::State;

#[derive(Debug, Default)]
struct Exchange {
    input: Vec<f64>,
    output: Vec<f64>,
    text: String,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Reserves room for an input of `length` numbers, and returns its address.
#[unsafe(no_mangle)]
pub extern "C" fn input(length: usize) -> *mut f64 {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.input.clear();
        exchange.input.resize(length, f64::NAN);
        exchange.input.as_mut_ptr()
    })
}

/// Address of the numbers of the last answer.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const f64 {
    EXCHANGE.with_borrow(|exchange| exchange.output.as_ptr())
}

/// Address of the messages of the last answer.
#[unsafe(no_mangle)]
pub extern "C" fn text() -> *const u8 {
    EXCHANGE.with_borrow(|exchange| exchange.text.as_ptr())
}

/// Length of the messages of the last answer, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn text_length() -> usize {
    EXCHANGE.with_borrow(|exchange| exchange.text.len())
}

fn ask(question: impl FnOnce(&[f64]) -> Result<Answer>) -> usize {
    EXCHANGE.with_borrow_mut(|exchange| {
        let answer = question(&exchange.input).unwrap_or_else(|error| Answer {
            values: Vec::new(),
            messages: vec![(0, error.to_string())],
        });
        exchange.text.clear();
        for (position, message) in &answer.messages {
            exchange.text += &format!("{position}\t{message}\n");
        }
        exchange.output = answer.values;
        exchange.output.len()
    })
}

fn ask_state(question: impl FnOnce(&State, &[f64]) -> Result<Answer>) -> usize {
    ask(|numbers| question(&State::read(numbers)?, numbers.get(State::LENGTH..).unwrap_or(&[])))
}

/// Asks [`questions::learning_curve`].
#[unsafe(no_mangle)]
pub extern "C" fn learning_curve() -> usize {
    ask_state(questions::learning_curve)
}

/// Asks [`questions::errors`].
#[unsafe(no_mangle)]
pub extern "C" fn errors() -> usize {
    ask_state(questions::errors)
}

/// Asks [`questions::bias`].
#[unsafe(no_mangle)]
pub extern "C" fn bias() -> usize {
    ask_state(questions::bias)
}

/// Asks [`questions::path`].
#[unsafe(no_mangle)]
pub extern "C" fn path() -> usize {
    ask_state(questions::path)
}

/// Asks [`questions::error_map`].
#[unsafe(no_mangle)]
pub extern "C" fn error_map() -> usize {
    ask_state(questions::error_map)
}

/// Asks [`questions::regime_map`].
#[unsafe(no_mangle)]
pub extern "C" fn regime_map() -> usize {
    ask_state(questions::regime_map)
}

/// Asks [`questions::optimum`].
#[unsafe(no_mangle)]
pub extern "C" fn optimum() -> usize {
    ask_state(questions::optimum)
}

/// Asks [`questions::moved`].
#[unsafe(no_mangle)]
pub extern "C" fn moved() -> usize {
    ask_state(questions::moved)
}

/// Asks [`questions::overlaps`].
#[unsafe(no_mangle)]
pub extern "C" fn overlaps() -> usize {
    ask(questions::overlaps)
}

//! The command `python -m diagonet`: the program `evaluate`.

use clap::{CommandFactory, FromArgMatches};
use pyo3::prelude::*;

#[allow(dead_code, reason = "a program, of which the main function is not used")]
#[path = "../../examples/tools/evaluate.rs"]
mod evaluate;

/// How the command is called.
const NAME: &str = "python -m diagonet";

/// Runs the program on its arguments; returns its exit code.
#[pyfunction]
pub(crate) fn evaluate_table(py: Python<'_>, arguments: Vec<String>) -> i32 {
    let arguments = std::iter::once(NAME.to_owned()).chain(arguments);
    let command = evaluate::Arguments::command().name(NAME).bin_name(NAME);
    let matches = command.try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| evaluate::Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(parsed) => match py.detach(|| evaluate::run(&parsed)) {
            Ok(is_complete) => i32::from(!is_complete),
            Err(problem) => {
                eprintln!("{NAME}: {problem}");
                2
            }
        },
        // An error of arguments, or their explanation.
        Err(error) => {
            let code = error.exit_code();
            if error.print().is_err() { 2 } else { code }
        }
    }
}

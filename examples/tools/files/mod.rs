//! Files that the examples write, and how a program ends.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// A table in the making.
pub(crate) type Table = csv::Writer<Box<dyn Write>>;

/// Creates a file, with its name in the error.
pub(crate) fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a table to a file, or to standard output for `-`. A reader of standard output that has seen
/// enough, like `head`, is no failure.
pub(crate) fn write_table(
    path: &Path,
    write: impl FnOnce(&mut Table) -> Result<(), Box<dyn Error>>,
) -> Result<(), String> {
    let output: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(create(path)?)
    };
    let mut writer = csv::Writer::from_writer(output);
    match write(&mut writer).and_then(|()| Ok(writer.flush()?)) {
        Err(error) if is_broken_pipe(error.as_ref()) => Ok(()),
        result => result.map_err(|error| format!("{}: {error}", path.display())),
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io_error = match error.downcast_ref::<csv::Error>().map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(error)) => Some(error),
        _ => error.downcast_ref::<io::Error>(),
    };
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The exit code of a program: 0 if everything has an answer, 1 if something has none, and 2, with the
/// problem on standard error, if there is no result.
pub(crate) fn exit_code(program: &str, complete: Result<bool, Box<dyn Error>>) -> ExitCode {
    match complete {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("{program}: {problem}");
            ExitCode::from(2)
        }
    }
}

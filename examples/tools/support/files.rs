//! Files that the programs read and write, and how a program ends.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// Whether a path stands for standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file for reading, or standard input for `-`.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, String> {
    if is_standard(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::new(file))
}

/// A file in the making, or standard output for `-`. A reader of standard output that has seen enough,
/// like `head`, is no failure.
pub(crate) struct Output {
    name: String,
    /// `None` once nobody reads any more.
    destination: Option<Box<dyn Write>>,
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let destination: Box<dyn Write> = if is_standard(path) {
            Box::new(io::stdout())
        } else {
            Box::new(File::create(path).map_err(|error| format!("{name}: {error}"))?)
        };
        Ok(Self { name, destination: Some(destination) })
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(destination) = &mut self.destination else { return Ok(()) };
        match destination.write_all(bytes).and_then(|()| destination.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.destination = None;
                Ok(())
            }
            result => result.map_err(|error| format!("{}: {error}", self.name)),
        }
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.destination.is_none()
    }
}

/// A CSV table in the making. Every row is in the file once it is written.
pub(crate) struct Table(Output);

impl Table {
    /// Begins a table with its header.
    pub(crate) fn create<T: AsRef<[u8]>>(
        path: &Path,
        header: impl IntoIterator<Item = T>,
    ) -> Result<Self, String> {
        let mut table = Self(Output::create(path)?);
        table.write(header)?;
        Ok(table)
    }

    pub(crate) fn write<T: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = T>,
    ) -> Result<(), String> {
        self.write_rows(&csv_row(fields)?)
    }

    /// Writes what [`csv_row`] made.
    pub(crate) fn write_rows(&mut self, rows: &[u8]) -> Result<(), String> {
        self.0.write_all(rows)
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// A row of a table as text.
pub(crate) fn csv_row<T: AsRef<[u8]>>(
    fields: impl IntoIterator<Item = T>,
) -> Result<Vec<u8>, String> {
    let mut row = csv::Writer::from_writer(Vec::new());
    row.write_record(fields).map_err(|error| error.to_string())?;
    row.into_inner().map_err(|error| error.to_string())
}

/// A number that parses back to the same float; nothing for none.
pub(crate) fn number(number: impl Into<Option<f64>>) -> String {
    number.into().map(|x| format!("{x:?}")).unwrap_or_default()
}

/// Refuses more than one output on standard output.
pub(crate) fn check_outputs(paths: &[&Path]) -> Result<(), String> {
    if paths.iter().filter(|path| is_standard(path)).count() > 1 {
        return Err(String::from("only one output can be -, standard output"));
    }
    Ok(())
}

/// Says on standard error which files there are now.
pub(crate) fn report_written(paths: &[&Path]) {
    let files = paths.iter().filter(|path| !is_standard(path));
    let names: Vec<_> = files.map(|path| path.display().to_string()).collect();
    if !names.is_empty() {
        eprintln!("wrote {}", names.join(", "));
    }
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

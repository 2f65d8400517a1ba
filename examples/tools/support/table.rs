//! Tables of problems, as `evaluate` and `simulate` read them: CSV with a header, columns in any order.

use std::borrow::Cow;
use std::collections::HashMap;

use csv::ByteRecord;

use super::problem::{REQUIRED, is_alternative, optional};

/// Where the columns are: those that mean something, and those to carry through.
pub(crate) struct Columns {
    count: usize,
    positions: HashMap<&'static str, usize>,
    carried: Vec<usize>,
}

impl Columns {
    /// Finds the columns of a problem, and `extra` ones that a program understands besides. Columns
    /// named as one of the `outputs` are not carried through.
    ///
    /// A header that is likely not to mean what it says is refused: a misspelt optional column would
    /// otherwise leave its default in force without a word.
    pub(crate) fn locate(
        header: &ByteRecord,
        extra: &[&'static str],
        outputs: &[&str],
    ) -> Result<Self, String> {
        let names: Vec<_> = header.iter().map(<[u8]>::trim_ascii).collect();
        if names.iter().all(|name| name.is_empty()) {
            return Err(String::from("the table is empty: it has no header"));
        }
        let extra = extra.iter().copied();
        let known: Vec<_> = REQUIRED.into_iter().chain(optional()).chain(extra).collect();
        if let Some(separator) = wrong_separator(&names, &known) {
            return Err(format!(
                "the columns of the header are separated by {separator}, not commas"
            ));
        }
        let is_output = |name: &[u8]| outputs.iter().any(|output| output.as_bytes() == name);
        let misspelt: Vec<_> = names
            .iter()
            .filter(|name| !is_output(name))
            .map(|name| String::from_utf8_lossy(name))
            .filter(|name| !known.contains(&name.as_ref()))
            .filter_map(|name| {
                let meant = known.iter().find(|known| is_misspelling(&name, known))?;
                Some(format!("'{name}' (is it {meant}?)"))
            })
            .collect();
        if !misspelt.is_empty() {
            return Err(format!("the header has misspelt columns: {}", misspelt.join(", ")));
        }
        let mut positions = HashMap::new();
        let mut missing = Vec::new();
        let is_named = |name: &str| names.contains(&name.as_bytes());
        for name in known {
            let found = (0..names.len()).filter(|&index| names[index] == name.as_bytes());
            match found.collect::<Vec<_>>()[..] {
                [position] => drop(positions.insert(name, position)),
                [] if !REQUIRED.contains(&name) => {}
                [] if REQUIRED
                    .iter()
                    .any(|other| is_alternative(name, other) && is_named(other)) => {}
                [] => missing.push(name),
                _ => return Err(format!("the header has the column {name} more than once")),
            }
        }
        if !missing.is_empty() {
            let mut names = missing.join(", ");
            for pair in missing.windows(2).filter(|pair| is_alternative(pair[0], pair[1])) {
                names = names.replace(&pair.join(", "), &pair.join(" or "));
            }
            return Err(format!("the header lacks the columns {names}"));
        }
        let carried = (0..names.len()).filter(|&index| !is_output(names[index])).collect();
        Ok(Self { count: names.len(), positions, carried })
    }

    /// The fields to carry through.
    pub(crate) fn carried<'a>(&'a self, row: &'a ByteRecord) -> impl Iterator<Item = &'a [u8]> {
        self.carried.iter().map(|&index| row.get(index).unwrap_or_default())
    }
}

/// Whether a name is a known one but for case and one letter that is missing, added, replaced or
/// swapped with the next.
fn is_misspelling(name: &str, known: &str) -> bool {
    let [name, known] = [name, known].map(|name| name.to_lowercase().chars().collect::<Vec<_>>());
    let same = name.iter().zip(&known).take_while(|(x, y)| x == y).count();
    let (name, known) = (&name[same..], &known[same..]);
    match (name, known) {
        ([], []) => true,
        ([_, name_rest @ ..], [_, known_rest @ ..]) => {
            name_rest == known_rest
                || name_rest == known
                || name == known_rest
                || matches!((name, known), ([a, b, x @ ..], [c, d, y @ ..]) if (a, b, x) == (d, c, y))
        }
        _ => name.len() + known.len() == 1,
    }
}

/// What separates the columns, if some field of the header holds several known names. Spreadsheets
/// write semicolons where the comma is the decimal separator.
fn wrong_separator(names: &[&[u8]], known: &[&str]) -> Option<&'static str> {
    let separators = [(b';', "semicolons"), (b'\t', "tabs"), (b' ', "spaces"), (b'|', "bars")];
    let holds_several = |name: &[u8], separator: u8| {
        let parts = name.split(|&byte| byte == separator).map(|part| {
            let is_padding = |c: char| c.is_ascii_whitespace() || c == '"';
            String::from_utf8_lossy(part).trim_matches(is_padding).to_lowercase()
        });
        parts.filter(|part| known.contains(&part.as_str())).nth(1).is_some()
    };
    let found = separators
        .into_iter()
        .find(|(separator, _)| names.iter().any(|name| holds_several(name, *separator)));
    found.map(|(_, separator)| separator)
}

/// A row of a table, with names for its fields.
pub(crate) struct Row<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
}

impl<'a> Row<'a> {
    pub(crate) fn new(columns: &'a Columns, record: &'a ByteRecord) -> Result<Self, String> {
        if record.len() == columns.count {
            Ok(Self { columns, record })
        } else {
            Err(format!("the row has {} fields, the header {}", record.len(), columns.count))
        }
    }

    /// What the row says in a column; `None` where it says nothing, or has no such column.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        let field = self.record[*self.columns.positions.get(name)?].trim_ascii();
        (!field.is_empty()).then(|| String::from_utf8_lossy(field))
    }

    /// The number in a column, of any kind that parses.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| format!("{name} = '{text}' is not a number")))
            .transpose()
    }

    pub(crate) fn required(&self, name: &str) -> Result<f64, String> {
        self.number(name)?.ok_or_else(|| format!("{name} = '' is not a number"))
    }

    /// One of the choices that a column offers, the first of them where the row says nothing.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let Some(text) = self.text(name) else {
            return Ok(choices[0].1);
        };
        let found = choices.iter().find(|(choice, _)| *choice == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            format!("{name} = '{text}' is not one of {}", names.join(", "))
        })
    }
}

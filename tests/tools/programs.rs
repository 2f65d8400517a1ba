//! The examples as their users run them.

#![cfg(feature = "quadrature")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::common::{fixture, fixture_text, relative_error};

/// What the reference table is good for.
const TABLE_BUDGET: f64 = 1e-9;

/// The example's program, which `cargo test` builds next to the tests.
fn example(name: &str) -> Command {
    let mut path: PathBuf = std::env::current_exe().expect("the test runs from a file");
    path.pop();
    path.pop();
    path.push("examples");
    path.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: run `cargo test`", path.display());
    Command::new(path)
}

fn evaluate(table: &[u8]) -> Output {
    let mut child = example("evaluate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut input = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // While its answers are read: a pipe holds only so many of them.
        scope.spawn(move || input.write_all(table).expect("the example reads"));
        child.wait_with_output().expect("the example ends")
    })
}

/// The rows of a table as lists of fields, header first.
fn rows(table: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table);
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    reader.byte_records().map(|row| row.unwrap().iter().map(text).collect()).collect()
}

fn column(table: &[Vec<String>], name: &str) -> usize {
    table[0].iter().position(|column| column == name).expect("the column exists")
}

#[test]
fn evaluate_reproduces_the_reference_table() {
    let path = format!("{}/tests/fixtures/generalization.csv", env!("CARGO_MANIFEST_DIR"));
    let output = example("evaluate").arg(path).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let table = rows(&output.stdout);
    let expected = fixture("generalization.csv");
    assert_eq!(table.len(), expected.len() + 1);
    for name in ["error", "s2", "theta", "err_shared", "err_new", "err_pt_only", "err_none"] {
        let index = column(&table, name);
        for (row, expected) in table[1..].iter().zip(&expected) {
            let computed: f64 = row[index].parse().unwrap();
            assert!(relative_error(computed, expected[name]) <= TABLE_BUDGET, "{name}: {row:?}");
        }
    }
    // What it writes it reads, to the same bytes.
    let again = evaluate(&output.stdout);
    assert_eq!(again.status.code(), Some(0));
    assert!(output.stdout == again.stdout);
}

#[test]
fn evaluate_reads_protocols_and_writes_their_scales_and_starts() {
    let fixture = fixture_text("protocol_errors.csv");
    let mut table = String::from(
        "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var,\
         protocol,protocol_x,protocol_y\n",
    );
    for row in &fixture {
        let protocol = row["protocol"].as_str();
        let (x, y, gamma) = match protocol {
            "rescaled" => (row["x"].as_str(), row["y"].as_str(), "0"),
            "learning_rates" | "probe_rebalanced" => (row["x"].as_str(), "", "0"),
            _ => ("", "", row["y"].as_str()),
        };
        let problem =
            ["rho_pt", "rho_ft", "overlap", "beta_pt_active", "var_ft_active", "c_pt", "lambda_pt"]
                .map(|name| row[name].as_str())
                .join(",");
        let samples = [&row["alpha_ft"], &row["noise_var"]].map(String::as_str).join(",");
        table += &format!("{problem},{gamma},{samples},{protocol},{x},{y}\n");
    }
    let output = evaluate(table.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let table = rows(&output.stdout);
    let [error, scale, start, order] =
        ["error", "scale_active", "start_active", "l_order"].map(|name| column(&table, name));
    for (row, expected) in table[1..].iter().zip(&fixture) {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let gap = relative_error(number(&row[error]), number(&expected["error"]));
        assert!(gap < 1e-9, "{row:?}: {gap:e}");
        assert!(number(&row[scale]) >= 0.0 && number(&row[start]).is_finite());
        let frozen =
            expected["protocol"].starts_with("probe") || expected["protocol"] == "frozen_readout";
        assert!(!frozen || number(&row[order]) == 2.0);
    }

    let problems = |fields: &str| {
        let table = format!(
            "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var,\
             protocol,protocol_x,protocol_y\n0.1,0.1,1,1,10,1e-3,0,0,0.3,0,{fields}\n"
        );
        let output = rows(&evaluate(table.as_bytes()).stdout);
        output[1][column(&output, "problem")].clone()
    };
    assert_eq!(problems("rescaled,2,"), "protocol_y = '' is not a number, for rescaled");
    assert_eq!(problems("continued,2,"), "protocol_x = '2.0' is not empty, for continued");
    assert_eq!(problems("rescaled,,2"), "protocol_y is given without protocol_x");
    assert!(problems("adapted,,").starts_with("protocol = 'adapted' is not one of rebalanced, "));
    assert!(problems("adapter,-1,").starts_with("branch = -1.0 is outside its domain"));
    assert_eq!(problems("adapter,1,"), "");
}

/// Columns of training, as rows of one problem have them.
const TRAINED: &str = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,\
                       noise_var,protocol,protocol_y,learning_rate,batch,label_noise_var,\
                       label_noise_steps,weight_decay_integral\n";

#[test]
fn evaluate_brackets_training_and_ranks_protocols() {
    let problem = "0.2,0.1,0.8,1,10,0.1,-0.5,0.6,0.3,0.05";
    let mut table = TRAINED.to_owned();
    for (protocol, training) in [
        ("continued,", "0.2,2,0.1,3,0.4"),
        ("rebalanced,0.3", ",,,,0.5"),
        ("readout_reset,", ",,,,"),
        ("probe_kept,", "0.2,,,,"),
        ("continued,", "0.2,,0.1,,"),
    ] {
        table += &format!("{problem},{protocol},{training}\n");
    }
    let path = std::env::temp_dir().join(format!("diagonet-trained-{}.csv", std::process::id()));
    std::fs::write(&path, table).unwrap();
    let output = example("evaluate").arg("--rank-protocols").arg(&path).output().unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let table = rows(&output.stdout);
    let names = ["scale_active", "c_low", "c_high", "error", "error_low", "error_high"];
    let columns = names.map(|name| column(&table, name));
    let numbers = |row: usize| columns.map(|column| table[row][column].parse::<f64>());
    let [best, problem] = ["protocol_best", "problem"].map(|name| column(&table, name));

    let [scale, low, high, error, error_low, error_high] = numbers(1).map(Result::unwrap);
    assert!(low < high && high < scale * (-0.8_f64).exp());
    assert!(error_low != error && (error_low - error_high).abs() < 0.1 * error);
    // Weight decay alone is exact, and protocol_y is the readout scale.
    let [scale, low, high, ..] = numbers(2).map(Result::unwrap);
    let expected = 0.5 * (0.1 + (1.0_f64 + 0.01).sqrt()) + 0.3 * 0.3 / 2.0;
    assert!(relative_error(scale, expected) < 1e-14);
    assert!(relative_error(low, expected * (-1.0_f64).exp()) < 1e-14 && low == high);
    // Gradient flow has no bracket.
    assert!(numbers(3)[1..3].iter().all(Result::is_err));
    assert!(table[4][problem].contains("those that train both layers"), "{}", table[4][problem]);
    assert_eq!(table[5][problem], "label_noise_var and label_noise_steps go together");
    for row in &table[1..5] {
        assert!(row[best] == table[1][best] || row[column(&table, "protocol_y")] == "0.3");
    }
}

const HEADER: &str = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,\
                      noise_var,alpha_pt,noise_pt_var,pretraining_magnitude,correlation,protocol,method";

/// Problems that every closed form, quadrature, both protocols and errors have a part in.
const PROBLEMS: [&str; 9] = [
    "0.1,0.1,1,1,10,1e5,0,0,0.3,0,,,,,,",
    "0.1,0.1,1,1,10,1e5,0,0,0.3,0,,,,,,quadrature",
    "0.1,0.1,1,1,10,1e-3,0,0,0.3,0,,,,,,auto",
    "0.1,0.1,1,1,10,1e-3,0,0,0.3,0,,,,,,rich",
    "0.1,0.1,1,1,10,1e-3,0,0,0.3,0,,,,,,lazy",
    "0.1,0.1,1,1,10,1e-3,0,0,2,0.1,,,,,,",
    "0.2,0.1,1,2,10,0.01,-0.9,0,0.25,0,0.4,0.01,gaussian,0.8,,",
    "0.2,0.1,1,2,10,0.01,-0.9,0,0.25,0,0.4,0.01,,0.8,continued,",
    "0.1,0.1,1,1,10,1e-3,0,0,1,0.1,,,,,,",
];

/// The table with another text in one column of all rows.
fn with_column(table: &[Vec<String>], name: &str, text: &str) -> Vec<u8> {
    let index = column(table, name);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (number, row) in table.iter().enumerate() {
        let mut row = row.clone();
        if number > 0 {
            row[index] = text.to_owned();
        }
        writer.write_record(&row).unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn what_evaluate_says_of_a_row_is_no_part_of_its_problem() {
    let given = format!("{HEADER}\n{}\n", PROBLEMS.join("\n"));
    let first = evaluate(given.as_bytes());
    let results = rows(&first.stdout);
    assert_eq!(results[0][..16], rows(given.as_bytes())[0]);
    let said = |name: &str| {
        let index = column(&results, name);
        results[1..].iter().map(|row| row[index].clone()).collect::<Vec<_>>()
    };
    let (estimators, bounds) = (said("estimator"), said("difference_bound"));
    let expected = ["lazy", "quadrature", "quadrature", "rich", "lazy", "least squares"];
    assert_eq!(estimators[..6], expected);
    assert_eq!(estimators[8], "");
    assert!(bounds[0].parse::<f64>().unwrap() > 0.0);
    assert_eq!([&bounds[1], &bounds[2], &bounds[5]], ["0.0"; 3]);
    assert_eq!(bounds[8], "");
    // Read again it is the same, and edited it is the edited problem.
    assert!(evaluate(&first.stdout).stdout == first.stdout);
    let edits = [
        ("c_pt", "1e-3"),
        ("c_pt", "1e5"),
        ("alpha_ft", "0.7"),
        ("method", ""),
        ("alpha_pt", "1.5"),
    ];
    for (name, text) in edits {
        let of_given = evaluate(&with_column(&rows(given.as_bytes()), name, text));
        let of_results = evaluate(&with_column(&results, name, text));
        assert!(of_given.stdout == of_results.stdout, "{name} = {text}");
    }
}

/// The names that differ from this one by one letter.
fn one_letter_edits(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut edits = Vec::new();
    for index in 0..=letters.len() {
        let (before, after) = letters.split_at(index);
        let mut add = |middle: &[char], after: &[char]| {
            edits.push([before, middle, after].concat().into_iter().collect::<String>());
        };
        for letter in "_-.aeFtz0".chars() {
            add(&[letter], after);
            if let [_, rest @ ..] = after {
                add(&[letter], rest);
            }
        }
        if let [_, rest @ ..] = after {
            add(&[], rest);
        }
        if let [first, second, rest @ ..] = after {
            add(&[*second, *first], rest);
        }
    }
    edits
}

/// The names that differ from this one by case.
fn case_changes(name: &str) -> Vec<String> {
    let one_letter = (0..name.len()).map(|index| {
        [&name[..index], &name[index..=index].to_uppercase(), &name[index + 1..]].concat()
    });
    one_letter.chain([name.to_uppercase()]).collect()
}

/// All misspellings of a column that are not the name of another one.
fn misspellings(name: &str, known: &[&str]) -> Vec<String> {
    let mut names = one_letter_edits(name);
    names.extend(one_letter_edits(&name.to_uppercase()));
    names.extend(case_changes(name));
    names.retain(|edit| !known.contains(&edit.as_str()));
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 100);
    names
}

/// What a program says of a table that it refuses.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn evaluate_refuses_every_misspelt_column() {
    let known: Vec<_> = HEADER.split(',').chain(["lambda_gap"]).collect();
    for name in &known {
        // In the place of the column, and beside it.
        let names = misspellings(name, &known);
        for kept in [true, false] {
            let others = known.iter().copied().filter(|known| kept || known != name);
            let header =
                others.chain(names.iter().map(String::as_str)).collect::<Vec<_>>().join(",");
            let message = refusal(&evaluate(header.as_bytes()));
            for misspelt in &names {
                assert!(
                    message.contains(&format!("'{misspelt}' (is it ")),
                    "{misspelt}: {message}"
                );
            }
        }
        // One alone is enough.
        let header = format!("{HEADER},{}\n{},\n", names[names.len() / 2], PROBLEMS[0]);
        assert!(refusal(&evaluate(header.as_bytes())).contains("misspelt"));
    }
    // Names that are none are carried through.
    let table = format!("{HEADER},alpha,theta,\u{3b1}_ft,note\n{},1,2,3,4\n", PROBLEMS[0]);
    let output = evaluate(table.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(rows(&output.stdout)[1][16..19], ["1", "3", "4"]);
}

/// Tables that are empty or not separated by commas, with what is to be said of them.
fn unreadable() -> Vec<(String, &'static str)> {
    let mut tables = vec![];
    for empty in ["", "\n", "\r\n\n", "  \n", ",,,\n", "\u{feff}"] {
        tables.push((empty.to_owned(), "the table is empty"));
    }
    let quoted = format!("\"{}\"", HEADER.replace(',', "\",\""));
    for (separator, name) in [(";", "semicolons"), ("\t", "tabs"), (" ", "spaces"), ("|", "bars")] {
        for header in [HEADER, &HEADER.to_uppercase(), &quoted] {
            let table = format!("{header}\n{}\n", PROBLEMS[2]);
            tables.push((table.replace(',', separator), name));
            tables.push((table.replace(',', &format!("{separator} ")), name));
        }
    }
    tables
}

#[test]
fn evaluate_says_what_keeps_it_from_reading_a_table() {
    for (table, expected) in unreadable() {
        let message = refusal(&evaluate(table.as_bytes()));
        assert!(message.contains(expected), "{table:?}: {message}");
    }
}

#[test]
fn evaluate_carries_on_past_bad_rows_and_carries_columns_through() {
    let table = b"note,alpha_ft,rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,noise_var,method
\"a, b\",0.3,0.1,0.1,1,1,10,1e-3,0,0,0,
caf\xe9,0.3,0.1,0.5,1,1,10,1e-3,0,0,0,auto
c,0.3,0.1,x,1,1,10,1e-3,0,0,0,auto
d,0.3,0.1,0.1,1,1,10,1e-3,0,0,0,best
e,0.3,0.1
f,0.3,0.1,0.1,1,1,10,1e-3,0,0,0,lazy
g,1e-320,0.1,0.1,1,1,10,1e-3,0,0,0,auto
";
    let output = evaluate(table);
    assert_eq!(output.status.code(), Some(1));
    let table = rows(&output.stdout);
    assert_eq!(table[0][0], "note");
    assert_eq!(table[1][0], "a, b");
    assert!(output.stdout.windows(4).any(|bytes| bytes == b"caf\xe9"));
    let problem = column(&table, "problem");
    let problems: Vec<_> = table[1..].iter().map(|row| row[problem].as_str()).collect();
    assert_eq!(problems[0], "");
    assert!(problems[1].starts_with("infeasible supports"));
    assert_eq!(problems[2], "rho_ft = 'x' is not a number");
    assert!(problems[3].starts_with("method = 'best' is not one of"));
    assert_eq!(problems[4], "the row has 3 fields, the header 12");
    assert_eq!(problems[5], "");
    assert!(problems[6].starts_with("sample_ratio = 1e-320 is outside"));
    let [method, estimator] = ["method", "estimator"].map(|name| column(&table, name));
    assert_eq!((table[1][method].as_str(), table[1][estimator].as_str()), ("", "quadrature"));
    assert_eq!((table[6][method].as_str(), table[6][estimator].as_str()), ("lazy", "lazy"));
}

#[test]
fn evaluate_knows_norms_and_input_variances() {
    let header = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var,\
                  method,penalty,curvature,input_variance_shared,input_variance_new,input_variance_none";
    let problem = "0.2,0.1,0.5,1,10,1e-2,-0.5,0,0.4,0.1";
    let table = |ends: &[String]| {
        let lines = ends.iter().map(|end| format!("{problem},{end}\n"));
        rows(&evaluate(format!("{header}\n{}", lines.collect::<String>()).as_bytes()).stdout)
    };
    let number = |table: &[Vec<String>], row: usize, name: &str| -> f64 {
        table[row][column(table, name)].parse().unwrap()
    };
    let ends = [
        "auto,,,,,",
        "auto,,,4,0.5,",
        "ridge,,,,,",
        "lasso,,,,,",
        "lasso,,,4,0.5,2",
        "elastic_net,,0.3,,,",
        "elastic_net,0.2,,,,",
    ];
    let first = table(&ends.map(str::to_owned));
    let problems = column(&first, "problem");
    assert!(first[1..].iter().all(|row| row[problems].is_empty()), "{first:?}");
    for row in 1..=ends.len() {
        assert!(number(&first, row, "price") >= 1.0 - 1e-9);
    }
    let of = |row, name| number(&first, row, name);
    assert_eq!(of(1, "error"), of(1, "parameter_error"));
    let by_class = 0.05 * of(2, "err_shared") / 4.0
        + 0.05 * of(2, "err_new") / 0.5
        + 0.15 * of(2, "err_pt_only")
        + 0.75 * of(2, "err_none");
    assert!((by_class / of(2, "parameter_error") - 1.0).abs() < 1e-9);
    assert!((by_class / of(2, "error") - 1.0).abs() > 0.01);
    // The best ridge penalty is the noise over the mean square of a coefficient.
    assert!((of(3, "tuned_penalty") - 0.1).abs() < 1e-7);
    // The best penalties, given, have the same errors; others have higher ones.
    let given = |row: usize, factor: f64, rest: &str| {
        format!("{},{}{rest}", &ends[row - 1][..5], factor * of(row, "tuned_penalty"))
    };
    let again = table(&[
        given(3, 1.0, ",,,,"),
        given(4, 1.0, ",,,,"),
        given(4, 1.3, ",,,,"),
        given(5, 1.0, ",,4,0.5,2"),
    ]);
    for (row, same) in [(1, 3), (2, 4), (4, 5)] {
        assert!((number(&again, row, "error") / of(same, "error") - 1.0).abs() < 1e-9);
    }
    assert!(number(&again, 3, "error") > (1.0 + 1e-6) * of(4, "error"));
    let refused =
        table(&["auto,0.1,,,,", "ridge,,0.3,,,", "lasso,-1,,,,", "auto,,,-4,,"].map(str::to_owned));
    let problems: Vec<_> = refused[1..].iter().map(|row| row[problems].as_str()).collect();
    assert_eq!(
        problems[0],
        "penalty = '0.1' is not empty, but is for ridge, lasso and elastic_net"
    );
    assert_eq!(problems[1], "curvature = '0.3' is not empty, but is for elastic_net");
    assert!(problems[2].contains("explicit_penalty"), "{}", problems[2]);
    assert!(problems[3].contains("input_variance = -4.0"), "{}", problems[3]);
}

#[test]
fn evaluate_classifies_the_check_points() {
    let mut table = String::from(
        "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var\n",
    );
    for (lambda, gamma) in [(-0.999_999, 1e-6), (0.0, 0.0), (0.0, 10.0), (-0.99, 0.0)] {
        table += &format!("0.1,0.1,1,1,1,1e-3,{lambda},{gamma},0.3,0\n");
    }
    let output = evaluate(table.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let table = rows(&output.stdout);
    let regime = column(&table, "regime");
    let regimes: Vec<_> = table[1..].iter().map(|row| row[regime].as_str()).collect();
    assert_eq!(regimes, ["I", "II", "III", "IV"]);
    // A new feature costs more the stronger features are reused; the support is then known.
    let threshold = column(&table, "recovery_threshold");
    let thresholds: Vec<f64> =
        table[1..].iter().map(|row| row[threshold].parse().unwrap()).collect();
    assert!(thresholds[1] < thresholds[3] && thresholds[3] < thresholds[0]);
    assert!(thresholds[2] < 0.328_793_506 && thresholds[2] > 0.3);
}

#[test]
fn evaluate_answers_what_it_can() {
    let header = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var\n";
    // A divergence, a frozen network, and a frozen network without anything to learn.
    let output = evaluate(
        format!("{header}0.1,0.1,1,1,10,1e-3,0,0,1,0.1\n0.1,0.1,1,1,10,0,-1,0,0.3,0\n0.1,0.1,1,1,0,0,-1,0,0.3,0\n")
            .as_bytes(),
    );
    assert_eq!(output.status.code(), Some(1));
    let table = rows(&output.stdout);
    let [error, regime, threshold, problem] =
        ["error", "regime", "recovery_threshold", "problem"].map(|name| column(&table, name));
    assert_eq!((table[1][error].as_str(), table[1][regime].as_str()), ("", "IV"));
    assert!(table[1][problem].contains("diverges") && !table[1][threshold].is_empty());
    assert_eq!((table[2][error].as_str(), table[2][regime].as_str()), ("1.0", "I"));
    assert_eq!((table[2][threshold].as_str(), table[2][problem].as_str()), ("inf", ""));
    assert_eq!((table[3][error].as_str(), table[3][regime].as_str()), ("0.0", ""));
    assert!(table[3][problem].starts_with("l_order has no limit"));
}

#[test]
fn evaluate_says_what_a_table_lacks() {
    let output = evaluate(b"rho_pt,rho_ft\n0.1,0.1\n");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("the header lacks the columns overlap, beta_pt_active"), "{message}");
}

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("diagonet-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("the example wrote the file")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a figure says, without its elements.
fn text_of(figure: &str) -> String {
    let pieces = figure.split('<').skip(1).filter_map(|piece| piece.split_once('>'));
    pieces.map(|(_, text)| text).collect()
}

/// A tool's output, which has an answer everywhere.
fn output_of(name: &str, options: &[&str]) -> Vec<u8> {
    let output = example(name).args(options).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output.stdout
}

/// What `evaluate` says of a table that a tool wrote: the same errors.
#[track_caller]
fn assert_evaluate_agrees(table: &[u8]) {
    let given = rows(table);
    let answers = rows(&evaluate(table).stdout);
    assert_eq!(given.len(), answers.len());
    let columns = [&given, &answers].map(|table| column(table, "error"));
    let mut count = 0;
    for (given, answer) in given[1..].iter().zip(&answers[1..]) {
        let [given_error, answer_error] = [&given[columns[0]], &answer[columns[1]]];
        assert_eq!(given_error.is_empty(), answer_error.is_empty(), "{given:?}\n{answer:?}");
        if let Ok(error) = given_error.parse::<f64>() {
            let difference = (error - answer_error.parse::<f64>().unwrap()).abs();
            // What the budget of the generalization error says of each of the two.
            assert!(difference <= 2e-10 * error.max(1e-14), "{given:?}\n{answer:?}");
            count += 1;
        }
    }
    assert!(count > 10);
}

#[test]
fn evaluate_reads_what_the_tools_of_the_theory_write() {
    let scratch = Scratch::new("compose");
    let file = |name: &str| scratch.file(name).display().to_string();
    let figure = ["--svg", &file("figure.svg")];
    for (name, options) in [
        ("learning_curves", &["--csv", "-", "--points", "40"][..]),
        (
            "learning_curves",
            &["--csv", "-", "--points", "7", "--alpha-max", "0.99", "--noise-var", "0.1"],
        ),
        ("learning_curves", &["--csv", "-", "--points", "12", "--regime", "I:lambda_gap=1e-20:0"]),
        ("best_initialization", &["--csv", "-", "--points", "5"]),
    ] {
        assert_evaluate_agrees(&output_of(name, &[options, &figure].concat()));
    }
    let prefix = ["--points", "9", "--prefix", &file("map")];
    for table in ["--phase-csv", "--paths-csv"] {
        let smaller = ["--lambda-gap", "1e-20"];
        assert_evaluate_agrees(&output_of("regime_map", &[&[table, "-"], &prefix[..]].concat()));
        let options = [&[table, "-"], &prefix[..], &smaller].concat();
        assert_evaluate_agrees(&output_of("regime_map", &options));
    }
}

#[test]
fn figures_go_to_standard_output_alone() {
    let scratch = Scratch::new("standard-output");
    let csv = scratch.file("table.csv").display().to_string();
    for name in ["learning_curves", "best_initialization"] {
        let figure = output_of(name, &["--svg", "-", "--csv", &csv, "--points", "3"]);
        assert!(figure.starts_with(b"<svg ") && figure.ends_with(b"</svg>\n"));
        let both = example(name).args(["--svg", "-", "--csv", "-"]).output().unwrap();
        assert!(refusal(&both).contains("only one output can be -"));
    }
    let prefix = scratch.file("map").display().to_string();
    let figure = ["--phase-svg", "-", "--prefix", &prefix, "--points", "9"];
    assert!(output_of("regime_map", &figure).starts_with(b"<svg "));
    assert!(!scratch.file("map_phase.svg").exists());
    let both = example("regime_map").args(["--phase-svg", "-", "--paths-csv", "-"]).output();
    assert!(refusal(&both.unwrap()).contains("only one output can be -"));
}

/// The figures that the documentation shows.
#[test]
fn figures_are_small_and_fine() {
    // They are no part of the package.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/figures");
    let Ok(files) = std::fs::read_dir(path) else { return };
    let paths = files.map(|file| file.unwrap().path());
    for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "svg")) {
        let figure = std::fs::read_to_string(&path).unwrap();
        assert!(figure.len() < 100_000, "{}", path.display());
        // Curves, and areas that may follow an edge of their plot, have points at fractions of a pixel.
        let lines = figure.split("<path d=\"").skip(1).filter_map(|line| line.split('"').next());
        let mut count = 0;
        for line in lines {
            let numbers = line.split(['M', 'L', 'Z', ' ']).filter(|number| !number.is_empty());
            let (fine, whole): (Vec<_>, Vec<_>) = numbers.partition(|number| number.contains('.'));
            if fine.len() + whole.len() >= 100 {
                assert!(fine.len() >= whole.len(), "{}: {line}", path.display());
                count += 1;
            }
        }
        assert!(count > 0, "{}", path.display());
    }
}

#[test]
fn evaluate_reads_one_plus_lambda() {
    let header = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,lambda_gap,gamma_ft,alpha_ft,noise_var";
    let rest = |relative: &str| format!("0.1,0.1,0.5,1,10,1e-3,{relative},0,0.3,0.01\n");
    let given =
        ["-0.75,", ",0.25", "-0.75,0.25", "-1,1e-20", ",1e-20", "-1,", "-0.75,0.26", ",", ",3"];
    let table = format!("{header}\n{}", given.map(rest).concat());
    let output = evaluate(table.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let table = rows(&output.stdout);
    let [error, price, problem] =
        ["error", "feature_price", "problem"].map(|name| column(&table, name));
    assert!(!table[1][error].is_empty());
    assert_eq!(table[1][error], table[2][error]);
    assert_eq!(table[1][error], table[3][error]);
    // lambda alone has lost what the gap says.
    assert_eq!(table[4][price], table[5][price]);
    assert_ne!(table[4][price], table[6][price]);
    assert_eq!(table[7][problem], "lambda_pt = -0.75 is not lambda_gap = 0.26 less 1");
    assert_eq!(table[8][problem], "lambda_pt = '' is not a number");
    assert!(table[9][problem].starts_with("lambda_gap = 3.0"));
    // The column alone.
    let alone = header.replace("lambda_pt,", "");
    let output = evaluate(format!("{alone}\n{}", rest("0.25")).as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let alone = rows(&output.stdout);
    assert_eq!(alone[1][column(&alone, "error")], table[1][error]);
    let neither = evaluate(header.replace("lambda_pt,lambda_gap,", "").as_bytes());
    assert!(refusal(&neither).contains("the header lacks the columns lambda_pt or lambda_gap"));
}

/// A reader sees a row before the next one is given.
#[test]
fn evaluate_answers_row_by_row() {
    let mut child = example("evaluate")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (lines, received) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.by_ref().lines() {
            lines.send(line.unwrap()).unwrap();
        }
    });
    writeln!(input, "{HEADER}").unwrap();
    let patience = std::time::Duration::from_secs(60);
    for (number, problem) in PROBLEMS[..3].iter().enumerate() {
        writeln!(input, "{problem}").unwrap();
        if number == 0 {
            assert!(received.recv_timeout(patience).unwrap().starts_with("rho_pt"));
        }
        assert!(
            received.recv_timeout(patience).unwrap().starts_with(&problem[..problem.len() - 10])
        );
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    reader.join().unwrap();
}

#[test]
fn learning_curves_writes_curves_and_figure() {
    let scratch = Scratch::new("curves");
    let run = |more: &[&str]| {
        example("learning_curves")
            .arg("--csv")
            .arg(scratch.file("curves.csv"))
            .arg("--svg")
            .arg(scratch.file("curves.svg"))
            .args(["--points", "20"])
            .args(more)
            .output()
            .unwrap()
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let curves = rows(scratch.text("curves.csv").as_bytes());
    assert_eq!(curves.len(), 1 + 3 * 4 * 20);
    let figure = text_of(&scratch.text("curves.svg"));
    for text in [
        "full overlap, ρFT = 0.01",
        "λ = −0.99, γ = 0",
        "sample ratio",
        "generalization error",
        "IV rich",
    ] {
        assert!(figure.contains(text), "{text}");
    }
    // Through the divergence at alpha = 1, which is one point of each curve.
    assert_eq!(run(&["--alpha-max", "2", "--noise-var", "0.1"]).status.code(), Some(1));
    assert_eq!(scratch.text("curves.csv").matches("diverges").count(), 12);
    let bad = run(&["--c-pt", "-1"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("absolute_scale = -1.0"));
}

#[test]
fn regime_map_writes_triangle_and_phase_diagram() {
    let scratch = Scratch::new("map");
    let prefix = scratch.file("map");
    let output = example("regime_map")
        .arg("--prefix")
        .arg(&prefix)
        .args(["--points", "24"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let phase = rows(scratch.text("map_phase.csv").as_bytes());
    assert_eq!(phase.len(), 1 + 24 * 24);
    let regime = column(&phase, "regime");
    for name in ["I", "II", "III", "IV"] {
        assert!(phase.iter().any(|row| row[regime] == name), "{name}");
    }
    assert!(scratch.text("map_paths.csv").lines().count() > 1000);
    for text in ["ℓ-order", "pretraining dependence", "rich, pretraining-independent"] {
        assert!(text_of(&scratch.text("map_triangle.svg")).contains(text), "{text}");
    }
    for text in ["readout scale γ", "1 + λ", "error"] {
        assert!(text_of(&scratch.text("map_phase.svg")).contains(text), "{text}");
    }
}

#[test]
fn best_initialization_maps_where_small_first_layers_win() {
    let scratch = Scratch::new("best");
    let run = |more: &[&str]| {
        example("best_initialization")
            .arg("--csv")
            .arg(scratch.file("best.csv"))
            .arg("--svg")
            .arg(scratch.file("best.svg"))
            .args(["--points", "4"])
            .args(more)
            .output()
            .unwrap()
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let map = rows(scratch.text("best.csv").as_bytes());
    assert_eq!(map.len(), 1 + 4 * 4);
    let [gap, regime, gain, problem] =
        ["lambda_gap", "regime", "gain", "problem"].map(|name| column(&map, name));
    let number = |row: usize, column: usize| map[row][column].parse::<f64>().unwrap();
    // Few features and none of them shared, against all of them shared.
    assert!(number(1, gap) < 1e-6 && number(1, gain) > 5.0);
    assert_eq!(map[1][regime], "I");
    assert!(number(4, gap) > 1e3 * number(1, gap));
    // Twice as many features as pretraining had, all of them shared.
    assert_eq!(map[16][problem], "there are no such tasks");
    for text in ["1 + λ", "Regime", "overlap ω", "equal layers", "no such task"] {
        assert!(text_of(&scratch.text("best.svg")).contains(text), "{text}");
    }
    // At the interpolation threshold, noise leaves no answer anywhere.
    let diverging = run(&["--alpha", "1"]);
    assert_eq!(diverging.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&diverging.stderr).contains("diverges"));
    assert_eq!(run(&["--rho-ft", "0.2", "0.1"]).status.code(), Some(2));
}

#[test]
fn evaluate_follows_both_stages() {
    // The check of the two-stage theory, its continued twin, and a row with the defaults.
    let header = "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,\
                  noise_var,alpha_pt,noise_pt_var,pretraining_magnitude,correlation,protocol";
    let stage = "0.2,0.1,1,2.23606797749979,10,0.01,-0.9,0,0.25,0";
    let output = evaluate(
        format!(
            "{header}\n{stage},0.4,0.01,gaussian,0.8,\n{stage},0.4,0.01,gaussian,0.8,continued\n\
             {stage},,,,,\n{stage},-1,,,,\n{stage},,,normal,,\n\
             {stage},,-1,,,\n"
        )
        .as_bytes(),
    );
    assert_eq!(output.status.code(), Some(1));
    let table = rows(&output.stdout);
    let number = |row: usize, name: &str| table[row][column(&table, name)].parse::<f64>();
    assert!((number(1, "error_pt").unwrap() - 0.2911).abs() < 5e-5);
    assert!((number(1, "error").unwrap() - 0.1978).abs() < 5e-5);
    assert!(number(1, "error").unwrap() < number(2, "error").unwrap());
    assert!(number(2, "forgetting").unwrap() < number(1, "forgetting").unwrap());
    assert_eq!(number(1, "error_scratch"), number(2, "error_scratch"));
    // Next to where training starts, a step costs in inverse proportion to the pretrained coefficient.
    assert_eq!(table[2][column(&table, "regime")], "II");
    assert_eq!(table[2][column(&table, "recovery_threshold")], "");
    assert_eq!(number(3, "error_pt"), Ok(0.0));
    let problem = column(&table, "problem");
    assert!(table[4][problem].starts_with("sample_ratio = -1.0"));
    assert!(table[5][problem].starts_with("pretraining_magnitude = 'normal' is not one of"));
    assert!(table[6][problem].starts_with("noise_variance = -1.0"));
}

/// The square root of the variance is one rounding off the magnitude of pretraining.
#[test]
fn evaluate_ends_where_training_goes_on_with_the_same_task() {
    let output = evaluate(
        b"rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,\
          noise_var,correlation,protocol\n\
          0.1,0.1,1.0,3.3,10.89,0.001,0.0,0.0,0.3,0.0,1.0,continued\n",
    );
    assert_eq!(output.status.code(), Some(0));
    let table = rows(&output.stdout);
    let error: f64 = table[1][column(&table, "error")].parse().unwrap();
    assert!(error < 1e-28, "{error:e}");
}

#[cfg(feature = "simulation")]
mod simulation {
    use super::*;

    const TABLE: &str = "\
name,rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var,alpha_pt,dimension,solver
exact,0.2,0.1,1,1,10,1,-0.5,0,0.3,0.01,0.5,20,
flow,0.2,0.1,1,1,10,1,-0.5,0,0.3,0.01,0.5,20,flow
bad,0.2,0.1,1,1,10,-1,-0.9,0,0.3,0.01,0.5,20,exact
";

    fn simulate(scratch: &Scratch, more: &[&str]) -> Output {
        let table = scratch.file("table.csv");
        std::fs::write(&table, TABLE).unwrap();
        example("simulate").arg(table).args(["--draws", "7"]).args(more).output().unwrap()
    }

    #[test]
    fn simulate_compares_with_the_theory() {
        let scratch = Scratch::new("simulate");
        let output = simulate(&scratch, &["--quantity", "all"]);
        assert_eq!(output.status.code(), Some(1));
        // In a pipe there is no bar.
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let table = rows(&output.stdout);
        let [quantity, mean, theory, z_score, problem] =
            ["quantity", "mean", "theory", "z_score", "problem"].map(|name| column(&table, name));
        let totals: Vec<_> =
            table.iter().filter(|row| row[quantity] == "generalization_error").collect();
        let number = |row: &[String], column: usize| row[column].parse::<f64>().unwrap();
        // The same draws, trained to the same end.
        assert!((number(totals[0], mean) / number(totals[1], mean) - 1.0).abs() < 1e-5);
        assert_eq!(totals[0][theory], totals[1][theory]);
        assert!(number(totals[0], z_score).abs() < 5.0);
        let last = table.last().unwrap();
        assert!(last[problem].starts_with("absolute_scale = -1.0"));
        assert_eq!(last[0], "bad");
    }

    fn simulate_table(scratch: &Scratch, table: &[u8], more: &[&str]) -> Output {
        let path = scratch.file("given.csv");
        std::fs::write(&path, table).unwrap();
        example("simulate").arg(path).args(more).output().unwrap()
    }

    #[test]
    fn simulate_trains_as_a_row_says() {
        let scratch = Scratch::new("trained");
        let row = "0.2,0.1,0.8,1,10,0.1,-0.5,0.6,0.3,0.01,rebalanced,,0.3,1,,,\n";
        let table = format!("{}{row}", super::TRAINED);
        let options = ["--draws", "12", "--dimension", "200", "--quantity", "all"];
        let output = simulate_table(&scratch, table.as_bytes(), &options);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let table = rows(&output.stdout);
        let [quantity, score] = ["quantity", "z_score"].map(|name| column(&table, name));
        for row in &table[1..] {
            if let Ok(score) = row[score].parse::<f64>() {
                assert!(score.abs() < 5.0, "{}: {score}", row[quantity]);
            }
        }
        let none = table.iter().find(|row| row[quantity] == "forgetting").unwrap();
        assert!(none[score].parse::<f64>().is_ok());
    }

    #[test]
    fn what_both_programs_say_of_a_row_is_no_part_of_its_problem() {
        let scratch = Scratch::new("carried");
        let options = ["--draws", "3", "--dimension", "20"];
        let of_given = simulate_table(&scratch, TABLE.as_bytes(), &options);
        // Its own results, read again: one quantity, so one line for every row.
        let of_results = simulate_table(&scratch, &of_given.stdout, &options);
        assert!(of_given.stdout == of_results.stdout);
        // Those of the theory.
        let of_theory = simulate_table(&scratch, &evaluate(TABLE.as_bytes()).stdout, &options);
        let [given, theory] = [&of_given, &of_theory].map(|output| rows(&output.stdout));
        for name in ["mean", "theory", "z_score", "problem"] {
            let columns = [&given, &theory].map(|table| column(table, name));
            for (given, theory) in given.iter().zip(&theory) {
                assert_eq!(given[columns[0]], theory[columns[1]], "{name}");
            }
        }
    }

    #[test]
    fn simulate_refuses_every_misspelt_column() {
        let scratch = Scratch::new("misspelt");
        let own = ["lambda_gap", "dimension", "draws", "seed", "solver"];
        let known: Vec<_> = HEADER.split(',').chain(own).collect();
        for name in &known {
            let names = misspellings(name, &known);
            let header = known.iter().copied().chain(names.iter().map(String::as_str));
            let header = header.collect::<Vec<_>>().join(",");
            let message = refusal(&simulate_table(&scratch, header.as_bytes(), &[]));
            for misspelt in &names {
                assert!(
                    message.contains(&format!("'{misspelt}' (is it ")),
                    "{misspelt}: {message}"
                );
            }
        }
        // Columns that only `simulate` has are any others to `evaluate`.
        let table = format!("{HEADER},Draws\n{},5\n", PROBLEMS[2]);
        assert_eq!(evaluate(table.as_bytes()).status.code(), Some(0));
    }

    #[test]
    fn simulate_says_what_keeps_it_from_reading_a_table() {
        let scratch = Scratch::new("unreadable");
        for (table, expected) in unreadable() {
            let message = refusal(&simulate_table(&scratch, table.as_bytes(), &[]));
            assert!(message.contains(expected), "{table:?}: {message}");
        }
        // What a shard that was killed leaves behind.
        let shard = scratch.file("shard.csv");
        std::fs::write(&shard, "").unwrap();
        let shard = shard.display().to_string();
        let message = refusal(&simulate(&scratch, &["--merge", &shard]));
        assert!(message.contains("shard.csv: the file is empty"), "{message}");
        for quantity in ["generalisation_error", "forgetting:shard", "All", ""] {
            let output = simulate(&scratch, &["--quantity", quantity]);
            assert!(refusal(&output).contains("quantities are all, generalization_error"));
        }
    }

    #[test]
    fn shards_of_simulate_merge_to_the_whole() {
        let scratch = Scratch::new("shards");
        let whole = simulate(&scratch, &["--quantity", "all"]);
        let mut arguments = vec!["--quantity".to_owned(), "all".to_owned(), "--merge".to_owned()];
        for number in 1..=3 {
            let shard = simulate(&scratch, &["--shard", &format!("{number}/3")]);
            let path = scratch.file(&format!("shard{number}.csv"));
            std::fs::write(&path, shard.stdout).unwrap();
            arguments.push(path.display().to_string());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let merged = simulate(&scratch, &arguments);
        assert_eq!(String::from_utf8_lossy(&merged.stdout), String::from_utf8_lossy(&whole.stdout));
        // One is missing; another is of a run with more draws.
        let part = simulate(&scratch, &arguments[..5]);
        let problem = String::from_utf8_lossy(&part.stdout).into_owned();
        assert!(problem.contains("the shards have 5 of 7 draws"), "{problem}");
        let mut other = vec!["--draws", "8"];
        other.extend(&arguments);
        let table = scratch.file("table.csv");
        let other = example("simulate").arg(table).args(other).output().unwrap();
        assert!(String::from_utf8_lossy(&other.stdout).contains("different draws"));
        // The theory would be that of other sample ratios.
        let larger = scratch.file("larger.csv");
        std::fs::write(&larger, TABLE.replace(",0.5,20,", ",0.5,30,")).unwrap();
        let larger =
            example("simulate").arg(larger).args(["--draws", "7"]).args(&arguments).output();
        let problem = String::from_utf8_lossy(&larger.unwrap().stdout).into_owned();
        assert!(problem.contains("the shards have dimension 20, not 30"), "{problem}");
    }

    #[test]
    fn simulate_refuses_what_is_no_shard() {
        let scratch = Scratch::new("no-shard");
        for shard in ["4/3", "0/3", "1", "a/b"] {
            assert_eq!(simulate(&scratch, &["--shard", shard]).status.code(), Some(2), "{shard}");
        }
        let table = scratch.file("table.csv").display().to_string();
        let output = simulate(&scratch, &["--merge", &table]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("not what --shard writes"));
    }

    fn draws_a_figure(name: &str, options: &[&str], texts: &[&str]) -> Vec<Vec<String>> {
        let scratch = Scratch::new(name);
        let output = example(name)
            .arg("--csv")
            .arg(scratch.file("points.csv"))
            .arg("--svg")
            .arg(scratch.file("figure.svg"))
            .args(["--dimension", "60", "--draws", "4", "--simulated", "2", "--points", "10"])
            .args(options)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let figure = scratch.text("figure.svg");
        let said = text_of(&figure);
        for text in texts {
            assert!(said.contains(text), "{text}");
        }
        assert!(figure.contains("<circle"));
        let mut table = rows(scratch.text("points.csv").as_bytes());
        table.push(vec![String::from_utf8_lossy(&output.stdout).into_owned()]);
        table
    }

    #[test]
    fn validate_writes_points_figure_and_scores() {
        let texts = ["generalization error", "IV rich", "D = 60"];
        let mut table = draws_a_figure("validate", &[], &texts);
        let scores = table.pop().unwrap().remove(0);
        assert!(
            scores.contains("z-scores, no overlap") && scores.contains("24 points: mean square")
        );
        assert_eq!(table.len(), 1 + 3 * 4 * 2);
        let [theory, mean] = ["error", "mean"].map(|name| column(&table, name));
        for row in &table[1..] {
            assert!(row[theory].parse::<f64>().unwrap() > 0.0);
            assert!(row[mean].parse::<f64>().unwrap() > 0.0);
        }
    }

    #[test]
    fn finite_pretraining_writes_points_and_figure() {
        let texts = ["training continued", "from scratch", "αPT = 0.4"];
        let mut table = draws_a_figure("finite_pretraining", &["--alpha-pt", "0.4"], &texts);
        table.pop();
        assert_eq!(table.len(), 1 + 2 * 3 * (10 + 2));
        let [protocol, alpha_pt, alpha_ft, error, mean] =
            ["protocol", "alpha_pt", "alpha_ft", "error", "mean"].map(|name| column(&table, name));
        // The theory's check, on the curve and under a simulated point.
        let check = |row: &&Vec<String>| {
            row[protocol] == "rebalanced" && row[alpha_pt] == "0.4" && row[alpha_ft] == "0.25"
        };
        let checks: Vec<_> = table.iter().filter(check).collect();
        assert_eq!(checks.len(), 2);
        for row in &checks {
            assert!((row[error].parse::<f64>().unwrap() - 0.1978).abs() < 5e-5);
        }
        assert!(checks[0][mean].is_empty() && !checks[1][mean].is_empty());
    }

    /// Both programs read what `validate` and `finite_pretraining` write; `simulate` repeats the draws.
    #[test]
    fn tools_read_what_the_tools_of_simulation_write() {
        let scratch = Scratch::new("compose-simulated");
        let file = |name: &str| scratch.file(name).display().to_string();
        let small = ["--dimension", "200", "--draws", "3", "--simulated", "1", "--points", "5"];
        for (name, options) in [
            ("validate", &[][..]),
            ("finite_pretraining", &["--alpha-pt", "0.4", "--gamma-ft", "0.3"]),
            ("finite_pretraining", &["--alpha-pt", "0.4", "--lambda-gap", "1e-3"]),
        ] {
            let output = ["--csv", "-", "--svg", &file("figure.svg")];
            let table = output_of(name, &[&output, &small[..], options].concat());
            assert_evaluate_agrees(&table);
            // Those rows that were simulated.
            let mut given = rows(&table);
            let [dimension, mean] = ["dimension", "mean"].map(|name| column(&given, name));
            given.retain(|row| !row[dimension].is_empty());
            let mut writer = csv::Writer::from_writer(Vec::new());
            given.iter().for_each(|row| writer.write_record(row).unwrap());
            let table = writer.into_inner().unwrap();
            let again = rows(&simulate_table(&scratch, &table, &[]).stdout);
            assert_eq!(given.len(), again.len());
            let mean_again = column(&again, "mean");
            let mut count = 0;
            for (given, again) in given[1..].iter().zip(&again[1..]) {
                assert_eq!(given[mean], again[mean_again], "{given:?}");
                count += 1;
            }
            assert!(count >= 6);
        }
    }
}

#[test]
fn scaling_laws_have_the_exponents_of_the_literature() {
    let scratch = Scratch::new("scaling");
    let run = |more: &[&str]| {
        example("scaling_laws")
            .arg("--csv")
            .arg(scratch.file("laws.csv"))
            .arg("--svg")
            .arg(scratch.file("laws.svg"))
            .args(["--points", "11", "--bins", "60"])
            .args(more)
            .output()
            .unwrap()
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let table = rows(scratch.text("laws.csv").as_bytes());
    // Four learners without noise and five with it, on three spectra.
    assert_eq!(table.len(), 1 + (4 + 4 + 5) * 11);
    let [learner, fitted, known, error] =
        ["learner", "fitted_exponent", "known_exponent", "error"].map(|name| column(&table, name));
    let mut compared = 0;
    for row in &table[1..] {
        let Ok(known) = row[known].parse::<f64>() else { continue };
        let fitted: f64 = row[fitted].parse().unwrap();
        assert!((fitted - known).abs() < 0.06, "{row:?}");
        compared += 1;
    }
    assert_eq!(compared, (2 + 2 + 3) * 11);
    // Where the lazy network saturates, a rich one does not, and none is below the best learner.
    let saturated: Vec<_> = table[1..].iter().filter(|row| row[0] == "a = 1.2, b = 3").collect();
    let of = |name: &str, column: usize| -> f64 {
        let mut rows = saturated.iter().rev();
        rows.find(|row| row[learner].starts_with(name)).unwrap()[column].parse().unwrap()
    };
    assert!(of("network, c = 1e-12", fitted) > 3.15 && of("lazy network", fitted) < 2.5);
    assert!(of("best weighted", error) < of("network, c = 1e-12", error));
    assert!(text_of(&scratch.text("laws.svg")).contains("samples N"));
    assert_eq!(run(&["--spectrum", "a:1"]).status.code(), Some(2));
    assert_eq!(run(&["--scale", "-1"]).status.code(), Some(2));
}

#[test]
fn every_example_explains_itself() {
    let theory =
        ["best_initialization", "evaluate", "learning_curves", "regime_map", "scaling_laws"];
    let mut names = theory.to_vec();
    if cfg!(feature = "simulation") {
        names.extend(["finite_pretraining", "simulate", "validate"]);
    }
    for name in names {
        let output = example(name).arg("--help").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("Usage:"));
        let version = output_of(name, &["--version"]);
        let expected = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8_lossy(&version), expected);
        let unknown = example(name).arg("--unknown").output().unwrap();
        assert_eq!(unknown.status.code(), Some(2));
    }
}

//! Text as the field writes it: `rho_FT` becomes a Greek letter with a subscript, `1e-3` a power of ten.

/// How a piece of text is set.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Style {
    Upright,
    Italic,
    Subscript,
    Superscript,
}

/// A piece of text in one style.
pub(crate) type Span = (Style, String);

/// Symbols and the words that stand for them in code.
const SYMBOLS: [(&str, &str); 11] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("lambda", "λ"),
    ("omega", "ω"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("c", "c"),
    ("l", "ℓ"),
    ("D", "D"),
    ("N", "N"),
];

/// A number as short as it parses back.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Splits text into pieces of one style.
///
/// The words of [`SYMBOLS`] become letters in italics, `l1` and `l2` norms with subscripts, what
/// follows an underscore a subscript, and a number with an exponent a power of ten. All other text
/// stays as it is.
pub(crate) fn typeset(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut push = |style: Style, text: &str| match spans.last_mut() {
        Some((last, before)) if *last == style => before.push_str(text),
        _ if text.is_empty() => {}
        _ => spans.push((style, text.to_owned())),
    };
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            number_length(rest)
        } else if first.is_alphabetic() {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if first.is_ascii_digit() {
            match token.split_once('e') {
                Some((mantissa, exponent)) => {
                    let factor = if mantissa == "1" { "10" } else { &format!("{mantissa}·10") };
                    push(Style::Upright, factor);
                    push(Style::Superscript, &exponent.replace('-', "−"));
                }
                None => push(Style::Upright, token),
            }
        } else if first.is_alphabetic() {
            word(token, &mut push);
        } else if first == '-' && !before.is_alphanumeric() && after.starts_with(is_digit) {
            push(Style::Upright, "−");
        } else {
            push(Style::Upright, token);
        }
        before = token.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    spans
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The bytes of the number that a text begins with.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c| !is_digit(c)).unwrap_or(rest.len())
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') && text[end + 1..].starts_with(is_digit) {
        end = digits(end + 1);
    }
    if let Some(exponent) = text[end..].strip_prefix('e') {
        let sign = usize::from(exponent.starts_with('-'));
        if exponent[sign..].starts_with(is_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

fn word(token: &str, push: &mut impl FnMut(Style, &str)) {
    let (base, subscript) = match token {
        "l1" => ("l", "1"),
        "l2" => ("l", "2"),
        _ => token.split_once('_').unwrap_or((token, "")),
    };
    match SYMBOLS.iter().find(|(name, _)| *name == base) {
        Some((_, symbol)) => {
            push(Style::Italic, symbol);
            push(Style::Subscript, subscript);
        }
        None => push(Style::Upright, token),
    }
}

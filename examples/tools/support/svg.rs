//! SVG files: lines, areas, text and images, at fractions of a pixel.

use std::fmt::{self, Write as _};
use std::path::Path;

use super::files::Output;
use super::typeset::{Style, typeset};

/// A point of a figure, in pixels from its upper left corner.
pub(crate) type Position = (f64, f64);

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Colour {
    pub(crate) const BLACK: Self = Self(0, 0, 0);
    pub(crate) const WHITE: Self = Self(255, 255, 255);
    /// Text that explains.
    pub(crate) const DARK: Self = Self(80, 80, 80);
    /// Lines of reference.
    pub(crate) const GREY: Self = Self(125, 125, 125);
    /// What lies beyond the data.
    pub(crate) const LIGHT: Self = Self(226, 226, 226);
    // Distinct to the colour-blind (Okabe and Ito).
    pub(crate) const VERMILION: Self = Self(213, 94, 0);
    pub(crate) const BLUE: Self = Self(0, 114, 178);
    pub(crate) const GREEN: Self = Self(0, 158, 115);
    pub(crate) const PURPLE: Self = Self(204, 121, 167);
    pub(crate) const ORANGE: Self = Self(230, 159, 0);
    pub(crate) const SKY: Self = Self(86, 180, 233);
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    /// Lengths of dashes and gaps; empty for a solid line.
    pub(crate) dashes: &'static str,
}

impl Stroke {
    pub(crate) const fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dashes: "" }
    }
}

impl fmt::Display for Stroke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"fill="none" stroke="{}" stroke-width="{}""#, self.colour, self.width)?;
        if self.dashes.is_empty() {
            Ok(())
        } else {
            write!(f, r#" stroke-dasharray="{}""#, self.dashes)
        }
    }
}

/// Shapes that tell series apart without colour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// Which part of a text stands at its position.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Font {
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) colour: Colour,
    /// Whether it runs upwards.
    pub(crate) is_upright: bool,
    /// Whether a white edge keeps it legible on any ground.
    pub(crate) has_edge: bool,
}

impl Font {
    pub(crate) const fn new(size: f64, anchor: Anchor) -> Self {
        Self { size, anchor, colour: Colour::BLACK, is_upright: false, has_edge: false }
    }

    pub(crate) const fn with_colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
}

/// A figure in the making.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// A coordinate, to a hundredth of a pixel.
fn round(x: f64) -> f64 {
    // Adding zero takes the sign from -0.
    (x * 100.0).round() / 100.0 + 0.0
}

/// The commands of a path through points.
fn path_data(points: &[Position]) -> String {
    let mut data = String::new();
    for (index, &(x, y)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(data, "{command}{} {}", round(x), round(y));
    }
    data
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Svg {
    /// A white figure.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let mut figure = Self { width, height, body: String::new() };
        figure.rectangle((0.0, 0.0), (width, height), Colour::WHITE);
        figure
    }

    fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[Position], stroke: Stroke) {
        if points.len() > 1 {
            let data = path_data(points);
            self.add(format_args!(r#"<path d="{data}" {stroke} stroke-linejoin="round"/>"#));
        }
    }

    /// The area within closed lines; where an even number of them surrounds a point, it is outside.
    pub(crate) fn area(&mut self, rings: &[Vec<Position>], colour: Colour) {
        let data: String = rings.iter().map(|ring| path_data(ring) + "Z").collect();
        if !data.is_empty() {
            self.add(format_args!(r#"<path d="{data}" fill="{colour}" fill-rule="evenodd"/>"#));
        }
    }

    /// A filled rectangle between its upper left and lower right corners.
    pub(crate) fn rectangle(&mut self, from: Position, to: Position, colour: Colour) {
        let ((x, y), width, height) = (from, round(to.0 - from.0), round(to.1 - from.1));
        let (x, y) = (round(x), round(y));
        self.add(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}"/>"#
        ));
    }

    /// A filled mark around a position.
    pub(crate) fn mark(&mut self, (x, y): Position, size: f64, shape: Shape, colour: Colour) {
        let around = |corners: &[Position]| {
            let corners = corners.iter().map(|(dx, dy)| (x + size * dx, y + size * dy));
            vec![corners.collect::<Vec<_>>()]
        };
        match shape {
            Shape::Circle => {
                let (x, y) = (round(x), round(y));
                self.add(format_args!(r#"<circle cx="{x}" cy="{y}" r="{size}" fill="{colour}"/>"#));
            }
            Shape::Square => {
                self.rectangle(
                    (x - 0.88 * size, y - 0.88 * size),
                    (x + 0.88 * size, y + 0.88 * size),
                    colour,
                );
            }
            Shape::Triangle => {
                self.area(&around(&[(0.0, -1.2), (1.1, 0.85), (-1.1, 0.85)]), colour);
            }
            Shape::Diamond => {
                self.area(&around(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]), colour);
            }
        }
    }

    /// A line of text, centred vertically at a position.
    pub(crate) fn text(&mut self, text: &str, (x, y): Position, font: Font) {
        if text.is_empty() {
            return;
        }
        let Font { size, anchor, colour, is_upright, has_edge } = font;
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (round(x), round(y));
        let place = if is_upright {
            format!(r#"transform="translate({x} {y}) rotate(-90)""#)
        } else {
            format!(r#"transform="translate({x} {y})""#)
        };
        let (spans, baseline) = (spans(text, size), round(0.35 * size));
        let mut write = |paint: fmt::Arguments<'_>| {
            self.add(format_args!(
                r#"<text xml:space="preserve" {place} y="{baseline}" font-size="{size}" text-anchor="{anchor}" {paint}>{spans}</text>"#
            ));
        };
        if has_edge {
            // Below the text itself: not every reader knows the order of painting as an attribute.
            let edge = Colour::WHITE;
            write(format_args!(
                r#"fill="{edge}" stroke="{edge}" stroke-width="4" stroke-linejoin="round""#
            ));
        }
        write(format_args!(r#"fill="{colour}""#));
    }

    /// A PNG image, stretched between its upper left and lower right corners.
    pub(crate) fn image(&mut self, png: &[u8], from: Position, to: Position) {
        let ((x, y), width, height) = (from, round(to.0 - from.0), round(to.1 - from.1));
        let (x, y, data) = (round(x), round(y), base64(png));
        self.add(format_args!(
            r#"<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" href="data:image/png;base64,{data}"/>"#
        ));
    }

    /// Writes the figure to a file, or to standard output for `-`. The title is for those who cannot
    /// see it.
    pub(crate) fn write(&self, path: &Path, title: &str) -> Result<(), String> {
        let Self { width, height, body } = self;
        let title = escape(title);
        let text = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif" role="img">
<title>{title}</title>
{body}</svg>
"#
        );
        Output::create(path)?.write_all(text.as_bytes())
    }
}

/// Text with its symbols, as elements that shift and scale.
fn spans(text: &str, size: f64) -> String {
    let mut elements = String::new();
    let mut shift = 0.0;
    for (style, text) in typeset(text) {
        let (target, size) = match style {
            Style::Upright | Style::Italic => (0.0, size),
            Style::Subscript => (0.25 * size, 0.72 * size),
            Style::Superscript => (-0.38 * size, 0.72 * size),
        };
        let mut attributes = String::new();
        if target != shift {
            let _ = write!(attributes, r#" dy="{}""#, round(target - shift));
            shift = target;
        }
        match style {
            Style::Upright => {}
            Style::Italic => attributes += r#" font-style="italic""#,
            _ => drop(write!(attributes, r#" font-size="{}""#, round(size))),
        }
        let text = escape(&text);
        if attributes.is_empty() {
            elements += &text;
        } else {
            let _ = write!(elements, "<tspan{attributes}>{text}</tspan>");
        }
    }
    elements
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() { DIGITS[value as usize].into() } else { '=' });
        }
    }
    text
}

//! Figures of errors against samples: panels side by side, a line for every series, and marks with
//! error bars where there are measurements.

use std::path::Path;

use super::axes::{Axis, Plot};
use super::svg::{Anchor, Colour, Font, Position, Shape, Stroke, Svg};

/// One row of panels with a common legend.
pub(crate) struct Figure {
    /// What the figure shows, for those who cannot see it.
    pub(crate) title: String,
    pub(crate) panels: Vec<Panel>,
    /// The series in the order of the legend.
    pub(crate) series: Vec<Series>,
    pub(crate) x_axis: String,
    pub(crate) y_axis: String,
    /// Where a logarithmic axis starts; without it, the axis is linear from 0.
    pub(crate) x_min: Option<f64>,
    pub(crate) x_max: f64,
    /// Errors below this are not shown.
    pub(crate) floor: f64,
    /// What holds for all panels, under the legend.
    pub(crate) premises: Vec<String>,
}

/// What a line is of.
pub(crate) struct Series {
    pub(crate) name: String,
    /// Whether it is there to compare with: grey and dashed, behind the others.
    pub(crate) is_reference: bool,
}

#[derive(Default)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) marks: Vec<Mark>,
}

/// A line of one series. A point without value interrupts it.
pub(crate) struct Line {
    pub(crate) series: usize,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// A measurement with its confidence interval.
pub(crate) struct Mark {
    pub(crate) series: usize,
    pub(crate) x: f64,
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// A style for each series, distinct in colour, in dashes and in the shape of its marks.
const STYLES: [(Stroke, Shape); 6] = {
    const fn stroke(colour: Colour, dashes: &'static str) -> Stroke {
        Stroke { colour, width: 2.2, dashes }
    }
    [
        (stroke(Colour::VERMILION, ""), Shape::Circle),
        (stroke(Colour::BLUE, "9 3"), Shape::Square),
        (stroke(Colour::BLACK, "9 3 2 3"), Shape::Triangle),
        (stroke(Colour::GREEN, "4 2.5"), Shape::Diamond),
        (stroke(Colour::PURPLE, "12 3 2 3 2 3"), Shape::Circle),
        (stroke(Colour::ORANGE, "2 2"), Shape::Square),
    ]
};

/// The same for lines of reference.
const REFERENCES: [(Stroke, Shape); 3] = {
    const fn stroke(dashes: &'static str) -> Stroke {
        Stroke { colour: Colour::GREY, width: 1.8, dashes }
    }
    [
        (stroke("6 4"), Shape::Circle),
        (stroke("2 3"), Shape::Square),
        (stroke("10 3 2 3"), Shape::Triangle),
    ]
};

/// Size of marks.
const MARK: f64 = 3.6;

/// Series side by side in the legend.
const LEGEND_COLUMNS: usize = 2;

const PANEL: (f64, f64) = (330.0, 310.0);
/// What a panel leaves free to the left, on top, to the right and below.
const MARGIN: [f64; 4] = [66.0, 34.0, 12.0, 56.0];
const LINE_HEIGHT: f64 = 22.0;

impl Figure {
    /// Draws the figure into an SVG file.
    pub(crate) fn draw(&self, path: &Path) -> Result<(), String> {
        let [left, top, right, bottom] = MARGIN;
        let legend_rows = self.series.len().div_ceil(LEGEND_COLUMNS) + self.premises.len();
        let pitch = PANEL.0 + left + right;
        let width = pitch * self.panels.len() as f64;
        let panel_height = top + PANEL.1 + bottom;
        let mut figure = Svg::new(width, panel_height + LINE_HEIGHT * legend_rows as f64 + 8.0);
        let (low, high) = self.range();
        for (index, panel) in self.panels.iter().enumerate() {
            let corner = (pitch * index as f64 + left, top);
            let y_label = if index == 0 { self.y_axis.as_str() } else { "" };
            let plot = Plot {
                corner,
                width: PANEL.0,
                height: PANEL.1,
                x: match self.x_min {
                    Some(x_min) => Axis::logarithmic(x_min, self.x_max, self.x_axis.as_str()),
                    None => Axis::linear(0.0, self.x_max, self.x_axis.as_str()),
                },
                y: Axis::logarithmic(low, high, y_label),
            };
            let centre = (corner.0 + 0.5 * PANEL.0, 0.5 * top);
            figure.text(&panel.title, centre, Font::new(15.0, Anchor::Middle));
            plot.draw_grid(&mut figure);
            self.draw_panel(&mut figure, &plot, panel);
            plot.draw_frame(&mut figure);
        }
        self.draw_legend(&mut figure, panel_height + 8.0, width);
        figure.write(path, &self.title)
    }

    /// The errors that are shown, with room around them.
    fn range(&self) -> (f64, f64) {
        let lines = self.panels.iter().flat_map(|panel| &panel.lines);
        let points = lines.flat_map(|line| &line.points).filter_map(|(_, y)| *y);
        let marks = self.panels.iter().flat_map(|panel| &panel.marks).map(|mark| mark.mean);
        let errors: Vec<f64> = points.chain(marks).collect();
        let top = errors.iter().copied().fold(1.0, f64::max) * 1.5;
        let lowest = errors.iter().copied().fold(0.1, f64::min);
        (if lowest < self.floor { self.floor } else { lowest / 1.5 }, top)
    }

    fn style(&self, series: usize) -> (Stroke, Shape) {
        let is_reference = self.series[series].is_reference;
        let alike = self.series[..series].iter().filter(|s| s.is_reference == is_reference).count();
        if is_reference {
            REFERENCES[alike % REFERENCES.len()]
        } else {
            STYLES[alike % STYLES.len()]
        }
    }

    fn draw_panel(&self, figure: &mut Svg, plot: &Plot, panel: &Panel) {
        let is_reference = |line: &&Line| self.series[line.series].is_reference;
        let (behind, before): (Vec<_>, Vec<_>) = panel.lines.iter().partition(is_reference);
        for Line { series, points } in behind.into_iter().chain(before) {
            let (stroke, _) = self.style(*series);
            for run in points.split(|(_, y)| y.is_none()) {
                let shares = run.iter().filter_map(|&(x, y)| {
                    // An error of zero is below any other.
                    Some((plot.x.share(x), plot.y.share(y?.max(f64::MIN_POSITIVE))))
                });
                for piece in above_zero(&shares.collect::<Vec<_>>()) {
                    let line: Vec<_> = piece.into_iter().map(|at| plot.at_shares(at)).collect();
                    figure.line(&line, stroke);
                }
            }
        }
        for Mark { series, x, mean, low, high } in &panel.marks {
            if *mean >= plot.y.low {
                let (Stroke { colour, .. }, shape) = self.style(*series);
                let bar = [low, high].map(|y| plot.at(*x, y.clamp(plot.y.low, plot.y.high)));
                figure.line(&bar, Stroke::solid(colour, 1.2));
                figure.mark(plot.at(*x, *mean), MARK, shape, colour);
            }
        }
    }

    fn draw_legend(&self, figure: &mut Svg, top: f64, width: f64) {
        let has_marks = self.panels.iter().any(|panel| !panel.marks.is_empty());
        for (index, series) in self.series.iter().enumerate() {
            let (column, row) = (index % LEGEND_COLUMNS, index / LEGEND_COLUMNS);
            let x = MARGIN[0] + column as f64 * (width - MARGIN[0]) / LEGEND_COLUMNS as f64;
            let y = top + row as f64 * LINE_HEIGHT;
            let (stroke, shape) = self.style(index);
            figure.line(&[(x, y), (x + 40.0, y)], stroke);
            if has_marks {
                figure.mark((x + 20.0, y), MARK, shape, stroke.colour);
            }
            figure.text(&series.name, (x + 48.0, y), Font::new(13.0, Anchor::Start));
        }
        let rows = self.series.len().div_ceil(LEGEND_COLUMNS);
        for (index, premise) in self.premises.iter().enumerate() {
            let y = top + (rows + index) as f64 * LINE_HEIGHT;
            let font = Font::new(12.0, Anchor::Start).with_colour(Colour::DARK);
            figure.text(premise, (MARGIN[0], y), font);
        }
    }
}

/// The pieces of a line above zero, cut where it crosses.
fn above_zero(points: &[Position]) -> Vec<Vec<Position>> {
    let mut pieces = vec![Vec::new()];
    for (index, &(x, y)) in points.iter().enumerate() {
        if index > 0 {
            let (x_before, y_before) = points[index - 1];
            if (y_before < 0.0) != (y < 0.0) {
                let crossing = x_before + (x - x_before) * y_before / (y_before - y);
                pieces.last_mut().expect("there is one").push((crossing, 0.0));
            }
        }
        if y >= 0.0 {
            pieces.last_mut().expect("there is one").push((x, y));
        } else {
            pieces.push(Vec::new());
        }
    }
    pieces
}

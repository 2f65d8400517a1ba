//! Figures of errors against sample ratio: panels side by side, a line for every series, and marks with
//! error bars where there are measurements.

use std::error::Error;
use std::path::Path;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::files::create;

/// One row of panels with a common legend.
pub(crate) struct Figure<'a> {
    pub(crate) panels: Vec<Panel>,
    /// Names of the series, in the order of their colours.
    pub(crate) series: Vec<String>,
    pub(crate) x_axis: &'a str,
    pub(crate) y_axis: &'a str,
    pub(crate) x_max: f64,
    /// Errors below this are not shown.
    pub(crate) floor: f64,
    /// What holds for all panels, under the legend.
    pub(crate) premises: Vec<String>,
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

/// Colours that remain distinct to the colour-blind (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(120, 120, 120),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// Series side by side in the legend.
const LEGEND_COLUMNS: usize = 2;

const PANEL_HEIGHT: u32 = 392;

const LINE_HEIGHT: u32 = 24;

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

impl Figure<'_> {
    /// Draws the figure into an SVG file.
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        create(path)?;
        let legend_rows = self.series.len().div_ceil(LEGEND_COLUMNS) + self.premises.len();
        let size = (
            400 * self.panels.len() as u32 + 20,
            PANEL_HEIGHT + LINE_HEIGHT * legend_rows as u32 + 8,
        );
        let root = SVGBackend::new(path, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (panels, legend) = root.split_vertically(PANEL_HEIGHT);
        let range = self.range();
        for (index, area) in panels.split_evenly((1, self.panels.len())).iter().enumerate() {
            let panel = &self.panels[index];
            let mut chart = ChartBuilder::on(area)
                .caption(&panel.title, ("sans-serif", 17))
                .margin(8)
                .margin_right(16)
                .x_label_area_size(42)
                .y_label_area_size(66)
                .build_cartesian_2d(0.0..self.x_max, range.clone().log_scale())?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(BLACK.mix(0.12))
                .x_desc(self.x_axis)
                .y_desc(if index == 0 { self.y_axis } else { "" })
                .x_labels(6)
                .y_labels(9)
                .x_label_formatter(&|x| format!("{}", (x * 1e9).round() / 1e9))
                .y_label_formatter(&|y| format!("{y:.0e}"))
                .label_style(("sans-serif", 13))
                .axis_desc_style(("sans-serif", 15))
                .draw()?;
            self.draw_panel(&mut chart, panel, range.start)?;
        }
        self.draw_legend(&legend, size.0)?;
        root.present()?;
        Ok(())
    }

    /// The errors that are shown, with room around them.
    fn range(&self) -> std::ops::Range<f64> {
        let lines = self.panels.iter().flat_map(|panel| &panel.lines);
        let points = lines.flat_map(|line| &line.points).filter_map(|(_, y)| self.shown(*y));
        let marks = self.panels.iter().flat_map(|panel| &panel.marks);
        let marks = marks.filter_map(|mark| self.shown(Some(mark.mean)));
        let errors: Vec<f64> = points.chain(marks).collect();
        let top = errors.iter().copied().fold(1.0, f64::max) * 1.5;
        errors.iter().copied().fold(0.1, f64::min) / 1.5..top
    }

    fn shown(&self, y: Option<f64>) -> Option<f64> {
        y.filter(|y| *y >= self.floor)
    }

    fn draw_panel(
        &self,
        chart: &mut Chart<'_, '_>,
        panel: &Panel,
        bottom: f64,
    ) -> Result<(), Box<dyn Error>> {
        for Line { series, points } in &panel.lines {
            let style = COLOURS[series % COLOURS.len()].stroke_width(2);
            for run in points.split(|(_, y)| self.shown(*y).is_none()) {
                let points = run.iter().filter_map(|(x, y)| Some((*x, (*y)?)));
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        for Mark { series, x, mean, low, high } in &panel.marks {
            let Some(mean) = self.shown(Some(*mean)) else { continue };
            let colour = COLOURS[series % COLOURS.len()];
            let bar = vec![(*x, low.max(bottom)), (*x, *high)];
            chart.draw_series([PathElement::new(bar, colour.stroke_width(1))])?;
            chart.draw_series([Circle::new((*x, mean), 3, colour.filled())])?;
        }
        Ok(())
    }

    fn draw_legend(
        &self,
        legend: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        width: u32,
    ) -> Result<(), Box<dyn Error>> {
        let has_marks = self.panels.iter().any(|panel| !panel.marks.is_empty());
        let line_height = LINE_HEIGHT as i32;
        for (index, name) in self.series.iter().enumerate() {
            let (column, row) = (index % LEGEND_COLUMNS, index / LEGEND_COLUMNS);
            let x = 70 + column as i32 * (width as i32 - 80) / LEGEND_COLUMNS as i32;
            let y = row as i32 * line_height + 10;
            let colour = COLOURS[index % COLOURS.len()];
            let line = vec![(x, y), (x + 28, y)];
            legend.draw(&PathElement::new(line, colour.stroke_width(3)))?;
            if has_marks {
                legend.draw(&Circle::new((x + 14, y), 3, colour.filled()))?;
            }
            legend.draw(&Text::new(name.as_str(), (x + 34, y - 7), ("sans-serif", 13)))?;
        }
        let rows = self.series.len().div_ceil(LEGEND_COLUMNS) as i32;
        for (index, premise) in self.premises.iter().enumerate() {
            let y = (rows + index as i32) * line_height + 3;
            let style = ("sans-serif", 12).into_font().color(&BLACK.mix(0.6));
            legend.draw(&Text::new(premise.as_str(), (70, y), style))?;
        }
        Ok(())
    }
}

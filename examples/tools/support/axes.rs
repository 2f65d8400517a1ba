//! Axes with round numbers, and the frame that two of them span.

use super::svg::{Anchor, Colour, Font, Position, Stroke, Svg};

/// A range of one quantity along an edge of a plot.
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) is_logarithmic: bool,
    /// Empty where a neighbour's says it.
    pub(crate) label: String,
}

impl Axis {
    pub(crate) fn linear(low: f64, high: f64, label: impl Into<String>) -> Self {
        Self { low, high, is_logarithmic: false, label: label.into() }
    }

    pub(crate) fn logarithmic(low: f64, high: f64, label: impl Into<String>) -> Self {
        Self { low, high, is_logarithmic: true, label: label.into() }
    }

    /// Where a number lies: 0 at the low end, 1 at the high one.
    pub(crate) fn share(&self, x: f64) -> f64 {
        if self.is_logarithmic {
            (x / self.low).ln() / (self.high / self.low).ln()
        } else {
            (x - self.low) / (self.high - self.low)
        }
    }

    /// The number at a share.
    pub(crate) fn at(&self, share: f64) -> f64 {
        if self.is_logarithmic {
            self.low * ((self.high / self.low).ln() * share).exp()
        } else {
            self.low + (self.high - self.low) * share
        }
    }

    /// Round numbers of the range, as they are written.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        let ticks = if self.is_logarithmic { self.powers() } else { self.multiples() };
        let is_shown = |x: f64| (-1e-9..=1.0 + 1e-9).contains(&self.share(x));
        ticks.into_iter().filter(|(x, _)| is_shown(*x)).collect()
    }

    /// Multiples of 1, 2 or 5 times a power of ten, six or so.
    fn multiples(&self) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / 6.0;
        let power = rough.log10().floor();
        let digit = rough / 10.0_f64.powf(power);
        let digit = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| digit <= *round).unwrap_or(10.0);
        let step = digit * 10.0_f64.powf(power);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.low / step).floor() as i64;
        let numbers = (first..).map(|index| index as f64 * step);
        let numbers = numbers.take_while(|x| *x <= self.high + 0.5 * step);
        numbers.map(|x| (x, format!("{x:.decimals$}"))).collect()
    }

    /// Powers of ten, nine at most; with their doubles and halves where there are few.
    fn powers(&self) -> Vec<(f64, String)> {
        let [first, last] = [self.low.log10().floor(), self.high.log10().ceil()].map(|x| x as i32);
        let digits: &[u32] = if self.high / self.low < 200.0 { &[1, 2, 5] } else { &[1] };
        let stride = (1..).find(|stride| (last - first) / stride <= 9).unwrap_or(1);
        let powers = (first..=last).filter(|power| power.rem_euclid(stride) == 0);
        let ticks = powers.flat_map(|power| digits.iter().map(move |&digit| (digit, power)));
        ticks.map(|(digit, power)| power_of_ten(digit, power)).collect()
    }
}

/// A digit times a power of ten: in full if that is short.
fn power_of_ten(digit: u32, power: i32) -> (f64, String) {
    let text = format!("{digit}e{power}");
    // Parsed, it is correctly rounded.
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    (number, if (-2..=2).contains(&power) { number.to_string() } else { text })
}

/// A rectangle of a figure with an axis along its lower and its left edge.
pub(crate) struct Plot {
    /// The upper left corner.
    pub(crate) corner: Position,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

/// Text beside axes.
const TICK: f64 = 12.0;
const LABEL: f64 = 14.0;

impl Plot {
    /// Where a point of the two quantities lies in the figure.
    pub(crate) fn at(&self, x: f64, y: f64) -> Position {
        self.at_shares((self.x.share(x), self.y.share(y)))
    }

    /// Where shares of the two axes lie in the figure.
    pub(crate) fn at_shares(&self, (x, y): Position) -> Position {
        (self.corner.0 + self.width * x, self.corner.1 + self.height * (1.0 - y))
    }

    /// Lines at the round numbers, to be drawn below the data.
    pub(crate) fn draw_grid(&self, figure: &mut Svg) {
        let stroke = Stroke::solid(Colour(232, 232, 232), 0.8);
        for (x, _) in self.x.ticks() {
            figure.line(&[self.at(x, self.y.low), self.at(x, self.y.high)], stroke);
        }
        for (y, _) in self.y.ticks() {
            figure.line(&[self.at(self.x.low, y), self.at(self.x.high, y)], stroke);
        }
    }

    /// The frame with numbers and labels, to be drawn above the data.
    pub(crate) fn draw_frame(&self, figure: &mut Svg) {
        let stroke = Stroke::solid(Colour::BLACK, 1.0);
        let (left, top) = self.corner;
        let (right, bottom) = (left + self.width, top + self.height);
        let ring = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        figure.line(&ring, stroke);
        for (x, text) in self.x.ticks() {
            let (x, _) = self.at(x, self.y.low);
            figure.line(&[(x, bottom), (x, bottom + 5.0)], stroke);
            figure.text(&text, (x, bottom + 14.0), Font::new(TICK, Anchor::Middle));
        }
        for (y, text) in self.y.ticks() {
            let (_, y) = self.at(self.x.low, y);
            figure.line(&[(left - 5.0, y), (left, y)], stroke);
            figure.text(&text, (left - 8.0, y), Font::new(TICK, Anchor::End));
        }
        let middle = (left + 0.5 * self.width, top + 0.5 * self.height);
        let font = Font::new(LABEL, Anchor::Middle);
        figure.text(&self.x.label, (middle.0, bottom + 36.0), font);
        let upright = Font { is_upright: true, ..font };
        figure.text(&self.y.label, (left - 48.0, middle.1), upright);
    }
}

//! The global minimum of a function over a box, and how far it stays low around it.
//!
//! Coordinates are logarithms of parameters, for which the functions of this crate are smooth; minus
//! infinity is a parameter of 0. A value of plus infinity is a point without an answer.

use crate::numerics::Precision;

/// Number of parameters.
pub(crate) const PARAMETERS: usize = 3;

/// A point of the box: the logarithm of each parameter.
pub(crate) type Point = [f64; PARAMETERS];

/// Values that differ by less are equal.
const EQUAL: f64 = 1e-10;

/// Drafted values that differ by less are equal.
const DRAFTED_EQUAL: f64 = 1e-5;

/// Half the size of a stencil of differences: at this step, truncation and the rounding of values
/// good to 1e-11 leave the minimum below [`EQUAL`].
const STENCIL: f64 = 1e-3;

/// The same for valleys whose floor is so flat that, at the smaller step, its curvature is lost to
/// rounding.
const VALLEY_STENCILS: [f64; 2] = [0.5, 0.05];

/// Predicted gain at which a descent ends.
const NO_GAIN: f64 = 1e-12;

/// Basins of the grid that are descended into.
const BASINS: usize = 6;

/// Values of a parameter that is freed from 0, or from its lowest value.
const RELEASES: usize = 24;

/// The values of a parameter: positive ones between two bounds, or 0, or both.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Range {
    zero: bool,
    /// Smallest and largest positive value.
    positive: Option<[f64; 2]>,
    /// Whether the lowest and the highest value are defaults of the search, beyond which the
    /// parameter has further values.
    default: [bool; 2],
}

impl Range {
    /// The values from `lowest` to `highest`, neither of them negative. From 0 on, they are 0 and
    /// those from `smallest`.
    pub(crate) fn new(lowest: f64, highest: f64, smallest: f64) -> Self {
        let zero = lowest == 0.0;
        let lowest = if zero { smallest.min(highest) } else { lowest };
        let positive = (highest > 0.0).then_some([lowest, highest]);
        Self { zero, positive, default: [false; 2] }
    }

    /// The same values, the lowest and the highest of which may be defaults of the search.
    pub(crate) fn with_default_bounds(self, default: [bool; 2]) -> Self {
        Self { default, ..self }
    }

    /// Whether a value is a bound that only the search has.
    pub(crate) fn is_default_bound(&self, value: f64) -> bool {
        let [lowest, highest] = self.default;
        (lowest && value == self.lowest()) || (highest && value == self.highest())
    }

    /// Whether there is no choice.
    pub(crate) fn is_fixed(&self) -> bool {
        match self.positive {
            None => true,
            Some([lowest, highest]) => !self.zero && lowest == highest,
        }
    }

    /// Whether a positive value is one of them.
    pub(crate) fn contains(&self, value: f64) -> bool {
        self.positive.is_some_and(|[lowest, highest]| (lowest..=highest).contains(&value))
    }

    pub(crate) fn lowest(&self) -> f64 {
        match self.positive {
            Some([lowest, _]) if !self.zero => lowest,
            _ => 0.0,
        }
    }

    pub(crate) fn highest(&self) -> f64 {
        self.positive.map_or(0.0, |[_, highest]| highest)
    }

    pub(crate) fn smallest_positive(&self) -> Option<f64> {
        self.positive.map(|[smallest, _]| smallest)
    }

    /// The parameter at a coordinate, its bounds to the last bit.
    pub(crate) fn value(&self, coordinate: f64) -> f64 {
        match (self.positive, self.bounds()) {
            (Some([lowest, highest]), Some([low, high])) if coordinate > f64::NEG_INFINITY => {
                if coordinate <= low {
                    lowest
                } else if coordinate >= high {
                    highest
                } else {
                    coordinate.exp().clamp(lowest, highest)
                }
            }
            _ => 0.0,
        }
    }

    /// Coordinates of the positive bounds.
    fn bounds(&self) -> Option<[f64; 2]> {
        self.positive.map(|bounds| bounds.map(f64::ln))
    }

    /// Coordinates of 0, if allowed, and of `count` positive values with equal ratios, a bound at
    /// either end.
    fn nodes(&self, count: usize) -> Vec<f64> {
        let mut nodes = if self.zero { vec![f64::NEG_INFINITY] } else { Vec::new() };
        match self.bounds() {
            Some([low, high]) if low < high => {
                let step = (high - low) / (count - 1) as f64;
                nodes.extend((0..count - 1).map(|i| low + step * i as f64));
                nodes.push(high);
            }
            Some([low, _]) => nodes.push(low),
            None => {}
        }
        nodes
    }
}

/// A point with its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) point: Point,
    pub(crate) value: f64,
}

impl Candidate {
    /// Whether another point is not at the bottom of the same valley.
    fn is_apart_from(&self, other: &Self) -> bool {
        const APART: f64 = 0.05;
        let is_apart = |(a, b): (f64, f64)| (a - b).abs() >= APART;
        self.point.into_iter().zip(other.point).any(is_apart)
    }
}

/// The box, and the function over it.
pub(crate) struct Landscape<F> {
    ranges: [Range; PARAMETERS],
    function: F,
}

impl<F: FnMut(Point, Precision) -> f64> Landscape<F> {
    /// `function` is the logarithm of one that is drafted.
    pub(crate) fn new(ranges: [Range; PARAMETERS], function: F) -> Self {
        Self { ranges, function }
    }

    fn at(&mut self, point: Point) -> Candidate {
        Candidate { point, value: (self.function)(point, Precision::Full) }
    }

    fn draft(&mut self, point: Point) -> Candidate {
        Candidate { point, value: (self.function)(point, Precision::Draft) }
    }

    /// The lowest point: of a grid over the box, the lowest basins are descended into, and from
    /// `known`, a point of the box, if none of these is below it. Parameters that end at 0, or at their
    /// lowest value, are freed. Among points of equal value, one with parameters of 0 or at a bound is
    /// preferred. The value is plus infinity if no point of the grid has an answer.
    pub(crate) fn minimum(&mut self, known: Option<Point>) -> Candidate {
        let count = match self.free() {
            0 | 1 => 32,
            2 => 17,
            _ => 12,
        };
        self.minimum_from(count, known)
    }

    /// The same with `count` positive values of every parameter on the grid.
    pub(crate) fn minimum_from(&mut self, count: usize, known: Option<Point>) -> Candidate {
        let free = self.ranges.map(|range| !range.is_fixed());
        let mut best = Candidate { point: [f64::NAN; PARAMETERS], value: f64::INFINITY };
        let axes = self.ranges.map(|range| range.nodes(count));
        for basin in self.basins(&axes) {
            let found = self.descend(basin, free, f64::NEG_INFINITY, STENCIL);
            if found.value < best.value || best.value == f64::INFINITY {
                best = found;
            }
        }
        // The bottom of another basin, unless one is below it already.
        if let Some(known) = known.map(|point| self.at(point))
            && (known.value < best.value || best.value == f64::INFINITY)
        {
            best = self.descend(known, free, f64::NEG_INFINITY, STENCIL);
        }
        // Parameters that are too small to matter are at their lowest, and freed from there.
        if best.value < f64::INFINITY {
            best = self.snap(best);
        }
        for axis in 0..PARAMETERS {
            best = self.release(best, axis);
        }
        for stencil in VALLEY_STENCILS.into_iter().chain([STENCIL]) {
            best = self.descend(best, free, f64::NEG_INFINITY, stencil);
        }
        if best.value < f64::INFINITY { self.snap(best) } else { best }
    }

    /// Number of parameters that have a choice.
    fn free(&self) -> usize {
        self.ranges.iter().filter(|range| !range.is_fixed()).count()
    }

    /// The lower of `best` and the minimum that it leads to where parameter `axis`, which is 0 or at its
    /// lowest there, takes larger values. No difference over a small step at 0 tells: where the parameter is small
    /// the function is flat in its logarithm.
    fn release(&mut self, best: Candidate, axis: usize) -> Candidate {
        let range = self.ranges[axis];
        let lowest = range.bounds().map_or(f64::NEG_INFINITY, |[low, _]| low);
        if best.point[axis] > lowest || range.is_fixed() || !best.value.is_finite() {
            return best;
        }
        let mut lowest = Candidate { value: f64::INFINITY, ..best };
        let mut here = best;
        let nodes = range.nodes(RELEASES).into_iter();
        for node in nodes.filter(|node| node.is_finite() && *node != best.point[axis]) {
            // While the parameter is too small to matter, the others stay where they are.
            let moved = self.moved(here, axis, node);
            let found = if (moved.value - best.value).abs() < EQUAL {
                moved
            } else {
                self.descend_beside(moved, axis, f64::NEG_INFINITY)
            };
            if found.value.is_finite() {
                here = found;
            }
            if found.value < lowest.value {
                lowest = found;
            }
        }
        if lowest.value == f64::INFINITY {
            return best;
        }
        let found = self.descend(lowest, [true; PARAMETERS], f64::NEG_INFINITY, STENCIL);
        if found.value < best.value - EQUAL { found } else { best }
    }

    /// The lowest local minima of the grid with these nodes.
    fn basins(&mut self, axes: &[Vec<f64>; PARAMETERS]) -> Vec<Candidate> {
        let sizes = [axes[0].len(), axes[1].len(), axes[2].len()];
        // Nodes of a coarse grid are far apart, so that small differences decide which of them lie low.
        let is_fine = self.free() <= 2;
        let equal = if is_fine { DRAFTED_EQUAL } else { EQUAL };
        let position = |i: usize| {
            [i / (sizes[1] * sizes[2]), i / sizes[2] % sizes[1], i % sizes[2]].map(|k| k as isize)
        };
        let point_of = |i: usize| {
            let [first, second, third] = position(i).map(|k| k as usize);
            [axes[0][first], axes[1][second], axes[2][third]]
        };
        let empty = Candidate { point: [f64::NAN; PARAMETERS], value: f64::INFINITY };
        let mut grid = vec![empty; sizes.iter().product()];
        // Rows to and fro, so that every point is next to the one before.
        for row in 0..sizes[0] * sizes[1] {
            for step in 0..sizes[2] {
                let column = if row % 2 == 0 { step } else { sizes[2] - 1 - step };
                let i = row * sizes[2] + column;
                let point = point_of(i);
                grid[i] = if is_fine { self.draft(point) } else { self.at(point) };
            }
        }
        let neighbour = |i: usize, k: usize| {
            let offset = [k / 9, k / 3 % 3, k % 3].map(|o| o as isize - 1);
            let here = position(i);
            let mut index = 0;
            for axis in 0..PARAMETERS {
                let along = here[axis] + offset[axis];
                if along < 0 || along >= sizes[axis] as isize {
                    return None;
                }
                index = index * sizes[axis] + along as usize;
            }
            (index != i).then_some(index)
        };
        // Of a plateau, the first point counts.
        let is_basin = |&i: &usize| {
            (0..27).filter_map(|k| neighbour(i, k)).all(|j| {
                let slack = if j < i { -equal } else { equal };
                grid[i].value <= grid[j].value + slack
            })
        };
        let lowest = (0..grid.len()).min_by(|&i, &j| grid[i].value.total_cmp(&grid[j].value));
        let mut basins: Vec<_> = (0..grid.len()).filter(is_basin).chain(lowest).collect();
        basins.sort_by(|&i, &j| grid[i].value.total_cmp(&grid[j].value).then(i.cmp(&j)));
        basins.dedup();
        basins.truncate(BASINS);
        let exact = |i: usize| if is_fine { self.at(grid[i].point) } else { grid[i] };
        basins.into_iter().map(exact).collect()
    }

    /// Down from `start` along the positive coordinates that are `free`, by quadratic models in a
    /// trusted region, from differences over `stencil`; to the minimum, or to a value of at most
    /// `enough`.
    fn descend(
        &mut self,
        start: Candidate,
        free: [bool; PARAMETERS],
        enough: f64,
        stencil: f64,
    ) -> Candidate {
        const STEPS: usize = 60;
        let mut bounds = [[0.0; 2]; PARAMETERS];
        let mut axes = Vec::with_capacity(PARAMETERS);
        for axis in 0..PARAMETERS {
            if let Some([low, high]) = self.ranges[axis].bounds()
                && free[axis]
                && start.point[axis].is_finite()
                && low < high
            {
                bounds[axis] = [low, high];
                axes.push(axis);
            }
        }
        let mut best = start;
        let mut radius = 0.5;
        for _ in 0..STEPS {
            if best.value <= enough || !best.value.is_finite() || axes.is_empty() {
                break;
            }
            let Some(model) = self.model(best.point, &bounds, &axes, stencil) else { break };
            let reach = |axis: usize| {
                let ([low, high], x) = (bounds[axis], best.point[axis]);
                [low.max(x - radius), high.min(x + radius)]
            };
            let target = model.minimum(best.point, reach);
            let predicted = model.value(best.point) - model.value(target);
            if predicted.is_nan() || predicted < NO_GAIN {
                break;
            }
            let next = self.at(target);
            let gain = best.value - next.value;
            let longest = axes.iter().map(|&axis| (target[axis] - best.point[axis]).abs());
            let longest = longest.fold(0.0, f64::max);
            if gain > 0.7 * predicted {
                radius = radius.max(2.0 * longest);
            } else if gain < 0.25 * predicted {
                radius = 0.25 * longest;
            }
            if gain > 0.0 {
                best = next;
            }
            if radius < 1e-9 {
                break;
            }
        }
        best
    }

    /// Quadratic model next to `point`, from differences inside of the box; `None` next to a point
    /// without an answer.
    fn model(
        &mut self,
        point: Point,
        bounds: &[[f64; 2]; PARAMETERS],
        axes: &[usize],
        stencil: f64,
    ) -> Option<Quadratic> {
        let mut centre = point;
        let mut size = [0.0; PARAMETERS];
        for &axis in axes {
            let [low, high] = bounds[axis];
            size[axis] = stencil.min(0.5 * (high - low));
            centre[axis] = point[axis].clamp(low + size[axis], high - size[axis]);
        }
        let mut value = |steps: &[usize], sign: f64| {
            let mut moved = centre;
            for &axis in steps {
                moved[axis] += sign * size[axis];
            }
            Some((self.function)(moved, Precision::Full)).filter(|value| value.is_finite())
        };
        let mut model = Quadratic {
            centre,
            value: value(&[], 0.0)?,
            gradient: [0.0; PARAMETERS],
            hessian: [[0.0; PARAMETERS]; PARAMETERS],
            axes: axes.to_vec(),
        };
        let mut up = [0.0; PARAMETERS];
        for &axis in axes {
            let (right, left) = (value(&[axis], 1.0)?, value(&[axis], -1.0)?);
            up[axis] = right - model.value;
            model.gradient[axis] = 0.5 * (right - left) / size[axis];
            model.hessian[axis][axis] =
                ((right - model.value) + (left - model.value)) / (size[axis] * size[axis]);
        }
        for (position, &row) in axes.iter().enumerate() {
            for &column in &axes[..position] {
                let both = value(&[row, column], 1.0)? - model.value;
                let mixed = (both - up[row] - up[column]) / (size[row] * size[column]);
                model.hessian[row][column] = mixed;
                model.hessian[column][row] = mixed;
            }
        }
        Some(model)
    }

    /// Moves to 0 or to a bound every coordinate that can without a loss.
    fn snap(&mut self, best: Candidate) -> Candidate {
        let limit = best.value + EQUAL;
        let mut snapped = best;
        for axis in 0..PARAMETERS {
            let range = self.ranges[axis];
            for end in range.nodes(2) {
                if range.is_fixed() || snapped.point[axis] == end {
                    break;
                }
                let mut point = snapped.point;
                point[axis] = end;
                let moved = self.at(point);
                if moved.value <= limit {
                    snapped = moved;
                    break;
                }
            }
        }
        snapped
    }

    /// The interval of parameter `axis` around the minimum in which the function stays at or below
    /// `limit`, the other parameters chosen anew at each of its values. Ends inside of the box are good
    /// to 1 %.
    pub(crate) fn extent(&mut self, minimum: Candidate, axis: usize, limit: f64) -> [f64; 2] {
        let range = self.ranges[axis];
        let x = range.value(minimum.point[axis]);
        let Some([low, high]) = range.bounds().filter(|_| !range.is_fixed()) else {
            return [x, x];
        };
        // From a parameter of 0 there is only one way.
        if minimum.point[axis] == f64::NEG_INFINITY {
            let lowest = self.anywhere(minimum, axis, low, limit);
            let top = lowest.map(|lowest| self.end(lowest, axis, high, limit));
            return [0.0, top.map_or(0.0, |top| range.value(top.point[axis]))];
        }
        let bottom = self.end(minimum, axis, low, limit);
        let top = range.value(self.end(minimum, axis, high, limit).point[axis]);
        let to_zero = range.zero
            && bottom.point[axis] == low
            && self.anywhere(bottom, axis, f64::NEG_INFINITY, limit).is_some();
        [if to_zero { 0.0 } else { range.value(bottom.point[axis]) }, top]
    }

    /// The lowest point at another `coordinate` of one axis, or one that is not above `limit`, searched
    /// from a neighbour along the other axes.
    fn around(
        &mut self,
        neighbour: Candidate,
        axis: usize,
        coordinate: f64,
        limit: f64,
    ) -> Candidate {
        let start = self.moved(neighbour, axis, coordinate);
        self.descend_beside(start, axis, limit)
    }

    /// The point at another `coordinate` of one axis.
    fn moved(&mut self, from: Candidate, axis: usize, coordinate: f64) -> Candidate {
        let mut point = from.point;
        point[axis] = coordinate;
        self.at(point)
    }

    /// Down from `start` along all axes but one.
    fn descend_beside(&mut self, start: Candidate, axis: usize, enough: f64) -> Candidate {
        let mut free = [true; PARAMETERS];
        free[axis] = false;
        self.descend(start, free, enough, STENCIL)
    }

    /// A point at another `coordinate` of one axis that is not above `limit`, searched from a
    /// neighbour and from the lowest basins.
    fn anywhere(
        &mut self,
        neighbour: Candidate,
        axis: usize,
        coordinate: f64,
        limit: f64,
    ) -> Option<Candidate> {
        let found = self.around(neighbour, axis, coordinate, limit);
        if found.value <= limit {
            return Some(found);
        }
        self.rivals(axis, coordinate, limit).pop().filter(|found| found.value <= limit)
    }

    /// The lowest minima along the other axes at a coordinate of one, of a grid over the former: down
    /// to `limit`, at which the search ends with the last of them.
    fn rivals(&mut self, axis: usize, coordinate: f64, limit: f64) -> Vec<Candidate> {
        const RIVALS: usize = 3;
        let count = if self.free() > 2 { 12 } else { 32 };
        let mut axes = self.ranges.map(|range| range.nodes(count));
        axes[axis] = vec![coordinate];
        let mut free = [true; PARAMETERS];
        free[axis] = false;
        let mut rivals = Vec::with_capacity(RIVALS);
        for basin in self.basins(&axes).into_iter().take(RIVALS) {
            let found = self.descend(basin, free, limit, STENCIL);
            rivals.push(found);
            if found.value <= limit {
                break;
            }
        }
        rivals
    }

    /// The last point on the way from `inside` to the coordinate `end` of an axis that is not above
    /// `limit`. Where the way along the valley of `inside` is too high, there may be another valley.
    fn end(&mut self, mut inside: Candidate, axis: usize, end: f64, limit: f64) -> Candidate {
        const RESOLUTION: f64 = 1e-2;
        let distance = (end - inside.point[axis]).abs();
        let direction = 1.0_f64.copysign(end - inside.point[axis]);
        // Short enough not to pass over values that are not tolerated.
        let longest = (distance / 64.0).max(0.5);
        let (mut step, mut outside) = (0.1, None);
        let mut rivals = Vec::new();
        while inside.point[axis] != end {
            let here = inside.point[axis];
            let next = match outside {
                Some(outside) if f64::abs(outside - here) < RESOLUTION => break,
                Some(outside) => 0.5 * (here + outside),
                None if (end - here).abs() <= step => end,
                None => here + direction * step,
            };
            let mut found = self.around(inside, axis, next, limit);
            if found.value > limit && outside.is_none() {
                let mut valleys = vec![found];
                for rival in self.rivals(axis, next, limit) {
                    found = rival;
                    if valleys.iter().all(|valley| valley.is_apart_from(&rival)) {
                        valleys.push(rival);
                    }
                }
                rivals = valleys.split_off(1);
            }
            for &rival in rivals.iter().filter(|_| outside.is_some()) {
                if found.value > limit {
                    found = self.around(rival, axis, next, limit);
                }
            }
            if found.value <= limit {
                inside = found;
            } else {
                outside = Some(next);
            }
            step = (1.5 * step).min(longest);
        }
        inside
    }
}

/// A quadratic function of some of the coordinates.
#[derive(Debug)]
struct Quadratic {
    centre: Point,
    value: f64,
    gradient: Point,
    hessian: [Point; PARAMETERS],
    axes: Vec<usize>,
}

impl Quadratic {
    fn slope(&self, point: &Point, axis: usize) -> f64 {
        let row = self.axes.iter().map(|&i| self.hessian[axis][i] * (point[i] - self.centre[i]));
        self.gradient[axis] + row.sum::<f64>()
    }

    fn value(&self, point: Point) -> f64 {
        let terms = self.axes.iter().map(|&axis| {
            0.5 * (self.gradient[axis] + self.slope(&point, axis))
                * (point[axis] - self.centre[axis])
        });
        self.value + terms.sum::<f64>()
    }

    /// A minimum in the box that `reach` spans, by exact minimization along one coordinate after the
    /// other.
    fn minimum(&self, start: Point, reach: impl Fn(usize) -> [f64; 2]) -> Point {
        const SWEEPS: usize = 500;
        let mut point = start;
        for _ in 0..SWEEPS {
            let mut moved = 0.0_f64;
            for &axis in &self.axes {
                let ([low, high], x) = (reach(axis), point[axis]);
                let (slope, curvature) = (self.slope(&point, axis), self.hessian[axis][axis]);
                let change = |to: f64| (to - x) * (slope + 0.5 * curvature * (to - x));
                let next = if curvature > 0.0 {
                    (x - slope / curvature).clamp(low, high)
                } else if change(low) < change(high) {
                    low
                } else {
                    high
                };
                moved = moved.max((next - x).abs());
                point[axis] = next;
            }
            if moved < 1e-8 {
                break;
            }
        }
        point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(lowest: f64, highest: f64) -> Range {
        Range::new(lowest, highest, 1e-10 * highest)
    }

    fn decade(power: f64) -> f64 {
        power * std::f64::consts::LN_10
    }

    #[test]
    fn the_lower_of_two_basins_is_found() {
        // A wide basin at 1e-2, and a narrow and deeper one at 1e3.
        let ranges = [range(1e-6, 1e6), range(1e-6, 1e6), range(1.0, 1.0)];
        let function = |[x, y, _]: Point, _: Precision| {
            let well = |centre: f64, width: f64| {
                let (dx, dy) = ((x - decade(centre)) / width, (y - decade(centre)) / width);
                (-0.5 * (dx * dx + 0.8 * dx * dy + dy * dy)).exp()
            };
            -well(-2.0, 5.0) - 1.5 * well(3.0, 1.0)
        };
        let mut landscape = Landscape::new(ranges, function);
        let found = landscape.minimum(None);
        assert!((found.value + 1.5).abs() < 0.02, "{found:?}");
        assert!((ranges[0].value(found.point[0]) / 1e3 - 1.0).abs() < 0.05, "{found:?}");
        assert_eq!(found.point[2], 0.0);
    }

    #[test]
    fn a_minimum_at_a_bound_is_exact_and_zero_is_preferred_where_it_is_as_low() {
        let ranges = [range(0.0, 2.0), range(0.3, 7.0), range(0.0, 0.0)];
        // Falls with the second parameter, and does not depend on the first where it is small.
        let function = |point: Point, _: Precision| ranges[0].value(point[0]).powi(4) - point[1];
        let mut landscape = Landscape::new(ranges, function);
        let found = landscape.minimum(None);
        assert_eq!(found.point[0], f64::NEG_INFINITY);
        assert_eq!(ranges[1].value(found.point[1]), 7.0);
        assert_eq!(ranges[2].value(found.point[2]), 0.0);
    }

    #[test]
    fn curved_valleys_are_followed_to_their_end() {
        // Rosenbrock's function of the logarithms, with a curvature that stencils resolve.
        let ranges = [range(1e-3, 1e3), range(1e-3, 1e3), range(1e-3, 1e3)];
        let function = |[x, y, z]: Point, _: Precision| {
            let step = |a: f64, b: f64| 10.0 * (b - a * a).powi(2) + (1.0 - a).powi(2);
            step(x, y) + step(y, z)
        };
        let mut landscape = Landscape::new(ranges, function);
        let found = landscape.minimum(None);
        assert!(found.value < 1e-9, "{found:?}");
    }

    #[test]
    fn an_extent_follows_a_valley() {
        // Constant along x + y = 0: each alone has a short reach, with the other a long one.
        let ranges = [range(1e-3, 1e3), range(1e-2, 1e2), range(0.0, 1.0)];
        let function = |[x, y, z]: Point, _: Precision| 50.0 * (x + y).powi(2) + z.exp();
        let mut landscape = Landscape::new(ranges, function);
        let minimum = landscape.minimum(None);
        let [low, high] = landscape.extent(minimum, 0, minimum.value + 1e-3);
        // y ends at 1e±2, and x may exceed its inverse by sqrt(1e-3/50).
        let slack = (1e-3_f64 / 50.0).sqrt().exp();
        assert!((low * 1e2 * slack - 1.0).abs() < 1.1e-2, "{low}");
        assert!((high * 1e-2 / slack - 1.0).abs() < 1.1e-2, "{high}");
        assert_eq!(landscape.extent(minimum, 1, minimum.value + 1e-3), [1e-2, 1e2]);
        let [zero, top] = landscape.extent(minimum, 2, minimum.value + 1e-3);
        assert!(zero == 0.0 && (top / 1e-3 - 1.0).abs() < 1.1e-2, "{top}");
    }

    #[test]
    fn what_leaves_zero_opens_another_valley() {
        let ranges = [range(1e-6, 1e6), range(0.0, 1e3), range(1.0, 1.0)];
        // With the second parameter at 0 the first must be 1; at 1 it may be anything from 1 down, at
        // a price.
        let valley = |price: f64| {
            move |[x, y, _]: Point, _: Precision| {
                let open = (-y * y).exp();
                let steep = 3.0 * x * x * if x < 0.0 { 1.0 - open } else { 1.0 };
                steep.min(1.0) + price * open
            }
        };
        let mut landscape = Landscape::new(ranges, valley(0.5e-3));
        let minimum = landscape.minimum(None);
        assert_eq!(minimum.point[1], f64::NEG_INFINITY);
        let [low, high] = landscape.extent(minimum, 0, minimum.value + 1e-3);
        assert_eq!(low, 1e-6);
        assert!((high / (1e-3_f64 / 3.0).sqrt().exp() - 1.0).abs() < 1.1e-2, "{high}");
        // Above the tolerance, the valley is none.
        let mut landscape = Landscape::new(ranges, valley(2e-3));
        let minimum = landscape.minimum(None);
        let [low, _] = landscape.extent(minimum, 0, minimum.value + 1e-3);
        assert!((low * (1e-3_f64 / 3.0).sqrt().exp() - 1.0).abs() < 1.1e-2, "{low}");
    }

    #[test]
    fn points_without_an_answer_are_passed_over() {
        let ranges = [range(1e-3, 1e3), range(1.0, 1.0), range(1.0, 1.0)];
        let hole =
            |[x, ..]: Point, _: Precision| if x < 0.0 { f64::INFINITY } else { (x - 1.0).powi(2) };
        let found = Landscape::new(ranges, hole).minimum(None);
        assert!(found.value < 1e-10, "{found:?}");
        let none = Landscape::new(ranges, |_, _| f64::INFINITY).minimum(None);
        assert_eq!(none.value, f64::INFINITY);
    }
}

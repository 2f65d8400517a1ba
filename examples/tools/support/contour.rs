//! Where a quantity on a grid has a value: lines and areas by marching squares, interpolated between
//! the points of the grid.

use std::collections::HashMap;

use super::svg::Position;

/// A quantity at the points of a grid that spans the unit square, row after row from below. It is
/// `NaN` where there is none.
pub(crate) struct Grid {
    columns: usize,
    values: Vec<f64>,
}

/// An edge between a point of the grid and the next one, to the right or above.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Edge {
    point: usize,
    is_upwards: bool,
}

impl Grid {
    pub(crate) fn new(columns: usize, values: Vec<f64>) -> Self {
        Self { columns, values }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// Lines along which the quantity has the value `level`; they end at the edge of the grid and
    /// where there is no quantity.
    pub(crate) fn lines(&self, level: f64) -> Vec<Vec<Position>> {
        join(self.segments(level))
            .into_iter()
            .map(|chain| chain.into_iter().map(|edge| self.crossing(edge, level)).collect())
            .collect()
    }

    /// Closed lines around the area in which the quantity exceeds `level`.
    pub(crate) fn rings(&self, level: f64) -> Vec<Vec<Position>> {
        // In a frame of low values, no line ends at the edge; what it says there is put back on it.
        let (columns, rows) = (self.columns + 2, self.rows() + 2);
        let mut values = vec![f64::NEG_INFINITY; columns * rows];
        for (index, &value) in self.values.iter().enumerate() {
            let (row, column) = (index / self.columns, index % self.columns);
            // Where there is no quantity, it does not exceed the level.
            values[(row + 1) * columns + column + 1] =
                if value.is_nan() { f64::NEG_INFINITY } else { value };
        }
        let framed = Self { columns, values };
        let into = |x: f64, count: usize| {
            // From steps of the frame to shares of the grid.
            (x * (count + 1) as f64 - 1.0) / (count - 1) as f64
        };
        let back = |(x, y): Position| {
            (into(x, self.columns).clamp(0.0, 1.0), into(y, self.rows()).clamp(0.0, 1.0))
        };
        framed.lines(level).into_iter().map(|line| line.into_iter().map(back).collect()).collect()
    }

    /// Pieces of lines, one or two in a cell that they cross.
    fn segments(&self, level: f64) -> Vec<[Edge; 2]> {
        let mut segments = Vec::new();
        for row in 0..self.rows() - 1 {
            for column in 0..self.columns - 1 {
                let point = row * self.columns + column;
                let corners = [point, point + 1, point + self.columns + 1, point + self.columns];
                let values = corners.map(|corner| self.values[corner]);
                if values.iter().any(|value| value.is_nan()) {
                    continue;
                }
                let edges = [
                    Edge { point, is_upwards: false },
                    Edge { point: point + 1, is_upwards: true },
                    Edge { point: point + self.columns, is_upwards: false },
                    Edge { point, is_upwards: true },
                ];
                let above = values.map(|value| value > level);
                let crossed: Vec<_> = (0..4).filter(|&i| above[i] != above[(i + 1) % 4]).collect();
                match crossed[..] {
                    [from, to] => segments.push([edges[from], edges[to]]),
                    // A saddle: the centre belongs to one of the two pairs of corners.
                    [_, _, _, _] => {
                        let is_centre_above = values.iter().sum::<f64>() > 4.0 * level;
                        let turn = usize::from(is_centre_above == above[0]);
                        segments.push([edges[turn], edges[(turn + 3) % 4]]);
                        segments.push([edges[turn + 1], edges[(turn + 2) % 4]]);
                    }
                    _ => {}
                }
            }
        }
        segments
    }

    /// Where the quantity has the value `level` along an edge, as shares of the unit square.
    fn crossing(&self, edge: Edge, level: f64) -> Position {
        let step = if edge.is_upwards { self.columns } else { 1 };
        let (from, to) = (self.values[edge.point], self.values[edge.point + step]);
        // Next to the frame, on the side of the quantity.
        let part = if from.is_infinite() || to.is_infinite() {
            if from > to { 0.0 } else { 1.0 }
        } else {
            ((level - from) / (to - from)).clamp(0.0, 1.0)
        };
        let (row, column) = (edge.point / self.columns, edge.point % self.columns);
        let (x, y) = if edge.is_upwards { (0.0, part) } else { (part, 0.0) };
        let share = |position: f64, count: usize| position / (count - 1) as f64;
        (share(column as f64 + x, self.columns), share(row as f64 + y, self.rows()))
    }
}

/// The middle of an area of a grid: the point furthest from all that is outside, as shares of the unit
/// square, with its distance in steps of the grid over the longer edge.
pub(crate) fn middle(columns: usize, inside: &[bool]) -> Option<(Position, f64)> {
    let rows = inside.len() / columns;
    let mut distances = vec![usize::MAX; inside.len()];
    // A sweep in each direction carries the distances along.
    for backwards in [false, true] {
        for step in 0..inside.len() {
            let index = if backwards { inside.len() - 1 - step } else { step };
            let (row, column) = (index / columns, index % columns);
            let is_edge = row == 0 || column == 0 || row + 1 == rows || column + 1 == columns;
            distances[index] = if !inside[index] {
                0
            } else if is_edge {
                1
            } else {
                let neighbours = (0..9).map(|k| (row + k / 3 - 1) * columns + column + k % 3 - 1);
                let nearest =
                    neighbours.filter(|&other| other != index).map(|other| distances[other]);
                distances[index].min(nearest.min().unwrap_or(0).saturating_add(1))
            };
        }
    }
    let index = (0..inside.len()).max_by_key(|&index| distances[index])?;
    let share = |position: usize, count: usize| position as f64 / (count - 1) as f64;
    let position = (share(index % columns, columns), share(index / columns, rows));
    (distances[index] > 0).then_some((position, share(distances[index], columns.max(rows))))
}

/// Chains of pieces that meet; closed ones end where they begin.
fn join(segments: Vec<[Edge; 2]>) -> Vec<Vec<Edge>> {
    let mut at: HashMap<Edge, Vec<usize>> = HashMap::new();
    for (index, segment) in segments.iter().enumerate() {
        for edge in segment {
            at.entry(*edge).or_default().push(index);
        }
    }
    // Open chains from their ends, then closed ones from anywhere.
    let ends = (0..segments.len()).flat_map(|index| segments[index].map(|edge| (index, edge)));
    let (open, closed): (Vec<_>, Vec<_>) = ends.partition(|(_, edge)| at[edge].len() == 1);
    let mut is_used = vec![false; segments.len()];
    let mut chains = Vec::new();
    for (start, from) in open.into_iter().chain(closed) {
        let mut chain = vec![from];
        let mut next = (!is_used[start]).then_some(start);
        while let Some(index) = next {
            is_used[index] = true;
            let [first, second] = segments[index];
            let edge = if chain.last() == Some(&first) { second } else { first };
            chain.push(edge);
            next = at[&edge].iter().copied().find(|&index| !is_used[index]);
        }
        if chain.len() > 1 {
            chains.push(chain);
        }
    }
    chains
}

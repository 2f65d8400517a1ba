//! A matrix times what becomes of its transpose times a vector.

use faer::linalg::matmul::matmul;
use faer::{Accum, ColMut, ColRef, MatRef, Par};
use nalgebra::DMatrix;

/// Columns that are read together.
const COLUMNS: usize = 4;

/// Adds `M u` to `image`, with `u_j = between(j, M_j · vector)` for every column `M_j` of M.
///
/// A column is used for both products while it is in the cache, so that M is read from memory once.
pub(super) fn sweep(
    matrix: &DMatrix<f64>,
    vector: &[f64],
    mut between: impl FnMut(usize, f64) -> f64,
    image: &mut [f64],
) {
    let rows = matrix.nrows();
    let mut groups = matrix.as_slice().chunks_exact(COLUMNS * rows);
    let mut first = 0;
    for group in &mut groups {
        let columns: [&[f64]; COLUMNS] =
            std::array::from_fn(|column| &group[column * rows..][..rows]);
        let products: [f64; COLUMNS] = products(group, vector);
        let factors = std::array::from_fn(|column| between(first + column, products[column]));
        accumulate(columns, factors, image);
        first += COLUMNS;
    }
    for (column, index) in groups.remainder().chunks_exact(rows).zip(first..) {
        let [product] = products(column, vector);
        accumulate([column], [between(index, product)], image);
    }
}

/// Products of several columns with one vector.
fn products<const N: usize>(columns: &[f64], vector: &[f64]) -> [f64; N] {
    let columns = MatRef::from_column_major_slice(columns, vector.len(), N);
    let vector = ColRef::from_slice(vector);
    let mut products = [0.0; N];
    let to = ColMut::from_slice_mut(&mut products);
    matmul(to, Accum::Replace, columns.transpose(), vector, 1.0, Par::Seq);
    products
}

/// Adds multiples of several columns to `image`.
fn accumulate<const N: usize>(columns: [&[f64]; N], factors: [f64; N], image: &mut [f64]) {
    let columns = columns.map(|column| &column[..image.len()]);
    for (row, entry) in image.iter_mut().enumerate() {
        let mut sum = *entry;
        for (column, factor) in columns.iter().zip(&factors) {
            sum += factor * column[row];
        }
        *entry = sum;
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DVector;

    use super::*;
    use crate::simulation::dataset::draws;

    #[test]
    fn one_pass_gives_the_two_products() {
        for (rows, columns) in [(1, 1), (3, 2), (4, 4), (9, 5), (17, 8), (33, 11)] {
            let matrix = draws::noise(rows, columns, 1).inputs().clone();
            let vector = DVector::from_fn(rows, |row, _| (row as f64).sin());
            let start = DVector::from_fn(rows, |row, _| (row as f64).cos());
            let mut image = start.clone();
            let mut between = vec![0.0; columns];
            let square = |product: f64| product * product;
            sweep(
                &matrix,
                vector.as_slice(),
                |column, product| {
                    between[column] = product;
                    square(product)
                },
                image.as_mut_slice(),
            );
            let products = matrix.tr_mul(&vector);
            let expected = start + &matrix * products.map(square);
            assert!((DVector::from_vec(between) - products).amax() < 1e-14);
            assert!((image - expected).amax() < 1e-14);
        }
    }
}

//! Quantities as colours: images without seams, and their keys.

use super::axes::{Axis, Plot};
use super::svg::{Anchor, Colour, Font, Position, Stroke, Svg};

/// Colours at equal distances, from low to high. Their lightness grows evenly, so that they keep their
/// order in grey and to the colour-blind (viridis, by Smith and van der Walt).
const COLOURS: [Colour; 10] = [
    Colour(68, 1, 84),
    Colour(72, 40, 120),
    Colour(62, 73, 137),
    Colour(49, 104, 142),
    Colour(38, 130, 142),
    Colour(31, 158, 137),
    Colour(53, 183, 121),
    Colour(110, 206, 88),
    Colour(181, 222, 43),
    Colour(253, 231, 37),
];

/// Shades of an image; one more entry of its palette is for what has no value.
const SHADES: u8 = 255;

/// What has no value.
pub(crate) const NO_VALUE: Colour = Colour(150, 150, 150);

/// Pixels from one point of the grid to the next are added until an image has so many.
const RESOLUTION: usize = 240;

/// The colour of a share of the range.
fn colour(share: f64) -> Colour {
    let position = share.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f64;
    let index = (position as usize).min(COLOURS.len() - 2);
    let (from, to, part) = (COLOURS[index], COLOURS[index + 1], position - index as f64);
    let mix = |from: u8, to: u8| {
        (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8
    };
    Colour(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Fills a plot with the shares of a range, given at the points of a grid that spans it, row after row
/// from below, and interpolated between them.
pub(crate) fn draw(
    figure: &mut Svg,
    plot: &Plot,
    columns: usize,
    shares: &[Option<f64>],
) -> Result<(), png::EncodingError> {
    let rows = shares.len() / columns;
    let steps = |count: usize| RESOLUTION.div_ceil(count - 1);
    let (across, up) = (steps(columns), steps(rows));
    let (width, height) = ((columns - 1) * across, (rows - 1) * up);
    let at = |row: usize, column: usize| shares[row * columns + column];
    let pixel = |x: usize, y: usize| {
        // Centres of pixels, the first row on top.
        let place = |pixel: usize, steps: usize| {
            (pixel / steps, ((pixel % steps) as f64 + 0.5) / steps as f64)
        };
        let ((column, right), (row, above)) = (place(x, across), place(height - 1 - y, up));
        let nearest = at(row + usize::from(above > 0.5), column + usize::from(right > 0.5));
        let between =
            |row: usize| Some(at(row, column)? * (1.0 - right) + at(row, column + 1)? * right);
        let interpolated = between(row).zip(between(row + 1));
        let share = interpolated.map(|(low, high)| low * (1.0 - above) + high * above);
        // Next to what has no value, the nearest point alone.
        share
            .or(nearest)
            .filter(|_| nearest.is_some())
            .map_or(SHADES, |share| (share.clamp(0.0, 1.0) * f64::from(SHADES - 1)).round() as u8)
    };
    let rows_of_pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels: Vec<u8> = rows_of_pixels.map(|(x, y)| pixel(x, y)).collect();
    let png = encode(width as u32, height as u32, &pixels)?;
    figure.image(&png, plot.at_shares((0.0, 1.0)), plot.at_shares((1.0, 0.0)));
    Ok(())
}

/// A PNG image of shades.
fn encode(width: u32, height: u32, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let shades = (0..SHADES).map(|shade| colour(f64::from(shade) / f64::from(SHADES - 1)));
    let palette: Vec<u8> = shades.chain([NO_VALUE]).flat_map(|c| [c.0, c.1, c.2]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_compression(png::Compression::High);
    // Shades change slowly from pixel to pixel.
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The key of a range of colours: a bar with an axis, upright or lying.
pub(crate) fn draw_key(
    figure: &mut Svg,
    axis: &Axis,
    (left, top): Position,
    (width, height): Position,
) -> Result<(), png::EncodingError> {
    let is_upright = height > width;
    let shades: Vec<u8> = (0..SHADES).collect();
    let (right, bottom) = (left + width, top + height);
    if is_upright {
        let from_above: Vec<u8> = shades.into_iter().rev().collect();
        figure.image(&encode(1, SHADES.into(), &from_above)?, (left, top), (right, bottom));
    } else {
        figure.image(&encode(SHADES.into(), 1, &shades)?, (left, top), (right, bottom));
    }
    let stroke = Stroke::solid(Colour::BLACK, 0.8);
    let ring = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
    figure.line(&ring, stroke);
    for (value, text) in axis.ticks() {
        let share = axis.share(value);
        if is_upright {
            let y = bottom - height * share;
            figure.line(&[(right, y), (right + 4.0, y)], stroke);
            figure.text(&text, (right + 8.0, y), Font::new(12.0, Anchor::Start));
        } else {
            let x = left + width * share;
            figure.line(&[(x, bottom), (x, bottom + 4.0)], stroke);
            figure.text(&text, (x, bottom + 13.0), Font::new(12.0, Anchor::Middle));
        }
    }
    Ok(())
}

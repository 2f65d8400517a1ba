//! Which of the four regimes a network fine-tunes in, and at what price it learns a new feature.

use diagonet::{
    Densities, Feature, InductiveBias, Initialization, ScaleMap, Scales, Supports, Task,
};

fn main() -> diagonet::Result<()> {
    let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    println!("  lambda   gamma  l-order      PD  regime  price of a new feature  ratio of scales");
    for (relative_scale, readout_scale) in
        [(-0.999999, 1e-6), (-0.99, 0.0), (-0.9, 0.0), (0.0, 0.0), (0.0, 0.3), (0.0, 10.0)]
    {
        let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: relative_scale })?;
        let scale_map = ScaleMap::new(pretraining, readout_scale)?;
        let bias = InductiveBias::of_feature(&scale_map, feature)?;
        println!(
            "{relative_scale:8} {readout_scale:7}  {:7.3}  {:6.3}  {:>6}  {:22.4}  {:15.3}",
            bias.l_order(),
            bias.pretraining_dependence(),
            bias.regime(),
            bias.feature_price(),
            scale_map.fine_tuning_scale(1.0)? / scale_map.fine_tuning_scale(0.0)?,
        );
    }
    // Regime II weighs features as ridge regression does; the best weights are known.
    let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.5 })?;
    if let Some(ratio) = Task::new(supports)?.matched_scale_ratio() {
        println!("best ratio for a lazy network on an overlap of one half: {ratio:.3}");
    }
    Ok(())
}

//! Tolerated intervals of a design, and optima with parameters at zero, against profiles by brute
//! force.

#![cfg(feature = "quadrature")]

use crate::common::{config, decades};
use diagonet::{
    Densities, Initialization, InitializationDesign, Law, LayerScales, OptimalParameter,
    OptimumPosition, Samples, ScaleMap, Solver, Supports, Task,
};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-3;

/// Ranges of one plus the relative scale, and of the readout scale, of a design that sets none.
const RANGES: [[f64; 2]; 2] = [[1e-12, 2.0], [1e-8, 100.0]];

#[derive(Debug, Clone)]
struct Problem {
    task: Task,
    samples: Samples,
    absolute_scale: f64,
}

impl Problem {
    fn error(&self, gap: f64, gamma: f64) -> f64 {
        // By layers, which have the digits of 1 + lambda.
        let shares = [0.5 * gap, 1.0 - 0.5 * gap];
        let [first, second] = shares.map(|share| (self.absolute_scale * share).sqrt());
        let pretraining =
            Initialization::from_layers(LayerScales { first_layer: first, readout: second })
                .unwrap();
        let map = ScaleMap::new(pretraining, gamma).unwrap();
        let law = Law::fine_tuning(&self.task, &map).unwrap();
        Solver::new().solve(&law, &self.samples).unwrap().generalization_error()
    }

    /// Lowest error at a value of one of the two parameters: of a scan of the other, 0 included, and
    /// of the golden section next to its lowest minima.
    fn profile(&self, axis: usize, value: f64) -> f64 {
        const COUNT: u32 = 120;
        let [lowest, highest] = RANGES[1 - axis];
        let ratio = highest / lowest;
        let at = |other: f64| {
            if axis == 0 { self.error(value, other) } else { self.error(other, value) }
        };
        let node = |t: f64| {
            if t >= f64::from(COUNT) {
                highest
            } else {
                lowest * ratio.powf(t.max(0.0) / f64::from(COUNT))
            }
        };
        let scan: Vec<_> = (0..=COUNT).map(|i| at(node(f64::from(i)))).collect();
        let mut best = scan.iter().copied().fold(f64::INFINITY, f64::min);
        if axis == 0 {
            best = best.min(at(0.0));
        }
        let scanned = best;
        for i in 0..scan.len() {
            let around = [i.saturating_sub(1), (i + 1).min(scan.len() - 1)];
            if around.iter().any(|&j| scan[j] < scan[i]) || scan[i] > 1.1 * scanned {
                continue;
            }
            let section = 0.5 * (5.0_f64.sqrt() - 1.0);
            let [mut low, mut high] = around.map(|j| j as f64);
            while high - low > 1e-3 {
                let width = section * (high - low);
                let errors = [at(node(high - width)), at(node(low + width))];
                best = best.min(errors[0]).min(errors[1]);
                if errors[0] < errors[1] {
                    high = low + width;
                } else {
                    low = high - width;
                }
            }
        }
        best
    }

    fn check(&self) -> std::result::Result<(), TestCaseError> {
        let design =
            InitializationDesign::new(&self.task, self.samples, self.absolute_scale).unwrap();
        let optimum = design.with_tolerance(TOLERANCE).unwrap().optimum().unwrap();
        let best = optimum.solution.generalization_error();
        for (axis, parameter) in
            [optimum.one_plus_relative_scale, optimum.readout_scale].iter().enumerate()
        {
            self.check_interval(axis, parameter, best)?;
        }
        Ok(())
    }

    /// Inside of the interval the error is within the tolerance, next to it it is not.
    fn check_interval(
        &self,
        axis: usize,
        parameter: &OptimalParameter,
        best: f64,
    ) -> std::result::Result<(), TestCaseError> {
        let [bottom, top] = parameter.tolerated;
        let [lowest, highest] = RANGES[axis];
        let excess = |value: f64| (self.profile(axis, value) / best - 1.0) / TOLERANCE;
        prop_assert!(bottom <= parameter.value && parameter.value <= top);
        if bottom > lowest {
            let below = excess((bottom * 0.98).max(lowest));
            prop_assert!(below > 0.999, "{axis}: {below} below {bottom} of {self:?}");
        }
        if top < highest {
            let above = excess((top * 1.02).clamp(lowest, highest));
            prop_assert!(above > 0.999, "{axis}: {above} above {top} of {self:?}");
        }
        if top == 0.0 {
            return Ok(());
        }
        let inside = bottom.max(lowest);
        for i in 0..=6 {
            let value = inside * (top / inside).powf(f64::from(i) / 6.0);
            let within = excess(value.clamp(inside, top));
            prop_assert!(within < 1.001, "{axis}: {within} at {value} of {self:?}");
        }
        Ok(())
    }
}

fn problem(
    [pretraining, fine_tuning, overlap]: [f64; 3],
    [magnitude, variance]: [f64; 2],
    [alpha, noise, absolute_scale]: [f64; 3],
) -> Problem {
    let supports = Supports::new(Densities { pretraining, fine_tuning, overlap }).unwrap();
    let task = Task::new(supports).unwrap().with_pretraining_magnitude(magnitude).unwrap();
    let task = task.with_fine_tuning_variance(variance).unwrap();
    let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
    Problem { task, samples, absolute_scale }
}

fn problems() -> impl Strategy<Value = Problem> {
    let supports = (0.02..0.5_f64, 0.02..0.5_f64, prop_oneof![Just(0.8), 0.0..1.0_f64]);
    let sizes = (decades(-1.5, 1.0), decades(-1.5, 1.5));
    let samples = (decades(-3.0, -0.1), prop_oneof![Just(0.0), decades(-5.0, 0.0)]);
    (supports, sizes, samples, decades(-5.0, 1.0)).prop_map(
        |((p, f, share), (magnitude, variance), (alpha, noise), c)| {
            let overlap = share * (p.min(f) / f);
            problem([p, f, overlap], [magnitude, variance], [alpha, noise, c])
        },
    )
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn tolerated_intervals_end_where_the_profile_exceeds_the_tolerance(problem in problems()) {
        problem.check()?;
    }
}

proptest! {
    #![proptest_config(config(8))]

    /// With all parameters free, profiles are optima of the design with one parameter fixed.
    #[test]
    fn intervals_of_three_parameters_end_where_the_rest_can_not_make_up(problem in problems()) {
        let [smallest, largest] = [1e-5, 1e2];
        let design = InitializationDesign::new(&problem.task, problem.samples, 1.0).unwrap();
        let design = design.with_absolute_scales(smallest..=largest).unwrap();
        let optimum = design.optimum().unwrap();
        let best = optimum.solution.generalization_error();
        let [gaps, gammas] = RANGES;
        let cases = [
            (0, [smallest, largest], optimum.absolute_scale),
            (1, gaps, optimum.one_plus_relative_scale),
            (2, gammas, optimum.readout_scale),
        ];
        for (axis, [lowest, highest], parameter) in cases {
            let excess = |x: f64| {
                let fixed = match axis {
                    0 => design.clone().with_absolute_scales(x..=x).unwrap(),
                    1 => design.clone().with_relative_scales(x - 1.0..=x - 1.0).unwrap(),
                    _ => design.clone().with_readout_scales(x..=x).unwrap(),
                };
                let lowest = fixed.optimum().unwrap().solution.generalization_error();
                (lowest / best - 1.0) / TOLERANCE
            };
            let [bottom, top] = parameter.tolerated;
            // The optimum of three is good to 1e-7, and a relative scale next to -1 to its digits.
            let bounds = [bottom * 0.98, top * 1.02, bottom * 1.001, top * 0.999];
            let values = bounds.map(|x| x.clamp(lowest, highest));
            if bottom > lowest && (axis != 1 || values[0] > 1e-8) {
                prop_assert!(excess(values[0]) > 0.999, "{axis} {bottom} {problem:?}");
            }
            if top < highest && (axis != 1 || values[1] > 1e-8) {
                prop_assert!(excess(values[1]) > 0.999, "{axis} {top} {problem:?}");
            }
            for value in [values[2], values[3], (values[2] * values[3]).sqrt()] {
                let is_inside = (bottom..=top).contains(&value);
                if is_inside && (axis != 1 || value > 1e-8) {
                    let within = excess(value);
                    prop_assert!(within < 1.001, "{axis} {within} {value} {problem:?}");
                    prop_assert!(within > -1e-4, "{axis} {within} {value} {problem:?}");
                }
            }
        }
    }
}

#[test]
fn intervals_reach_where_another_parameter_leaves_zero() {
    problem(
        [0.471_447_239_687_502_35, 0.367_045_114_680_892_7, 0.8],
        [0.095_384_482_884_450_21, 0.037_681_524_945_751_49],
        [0.327_213_701_423_896_9, 2.565_317_867_425_290_4e-5, 2.216_516_042_259_404_4],
    )
    .check()
    .unwrap();
    problem(
        [0.466_886_184_703_534_55, 0.174_524_661_123_828_86, 0.8],
        [2.248_967_224_743_417_6, 25.457_507_685_437_73],
        [0.001_383_929_241_914_573_8, 0.0, 0.483_987_303_353_643_65],
    )
    .check()
    .unwrap();
}

#[test]
fn an_optimum_next_to_zero_is_not_passed_over() {
    let variance = 0.967_084_935_539_967;
    let [alpha, noise] = [0.189_693_763_720_261_8, 3.376_201_797_433_697e-4];
    let density = 0.189_490_913_519_183_48;
    let supports =
        Supports::new(Densities { pretraining: density, fine_tuning: density, overlap: 1.0 })
            .unwrap();
    let task = Task::new(supports).unwrap().with_fine_tuning_variance(variance).unwrap();
    let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
    let design = InitializationDesign::new(&task, samples, 1e-5).unwrap();
    let optimum = design.with_absolute_scales(1e-5..=100.0).unwrap().optimum().unwrap();
    let known = Problem { task, samples, absolute_scale: 1e-5 }.error(2.0, 0.012_991_335_97);
    let best = optimum.solution.generalization_error();
    assert!(best <= known * (1.0 + 1e-7), "{best} {known}");
}

#[test]
fn a_bound_that_nobody_set_is_a_default() {
    let supports =
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.0 }).unwrap();
    let task = Task::new(supports).unwrap();
    let design = InitializationDesign::new(&task, Samples::new(0.4).unwrap(), 1e-3).unwrap();
    let forget = design.optimum().unwrap().one_plus_relative_scale;
    assert_eq!((forget.value, forget.position), (1e-12, OptimumPosition::DefaultBound));
    let set = design.with_relative_scales(-0.5..=1.0).unwrap().optimum().unwrap();
    let set = set.one_plus_relative_scale;
    assert_eq!((set.value, set.position), (0.5, OptimumPosition::Lowest));
    // The ends of what is legal are no defaults.
    let supports =
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 }).unwrap();
    let design =
        InitializationDesign::new(&Task::new(supports).unwrap(), Samples::new(0.08).unwrap(), 1e-3);
    let reuse = design.unwrap().optimum().unwrap();
    assert_eq!(reuse.one_plus_relative_scale.position, OptimumPosition::Highest);
    assert_eq!(reuse.readout_scale.position, OptimumPosition::Lowest);
}

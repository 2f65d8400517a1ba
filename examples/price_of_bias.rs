//! The price of implicit bias: how far networks, and tuned classical estimators, are from the best learner.

use diagonet::{
    BayesOptimal, Densities, Estimator, Initialization, InitializationDesign, Law, Protocol,
    Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
};

fn main() -> diagonet::Result<()> {
    let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.7 })?;
    let task = Task::new(supports)?;
    let samples = Samples::new(0.3)?.with_noise_variance(0.05)?;
    let bayes = BayesOptimal::after_pretraining(&task)?.solve(&samples)?;
    let least = bayes.message_passing().generalization_error();
    println!("error {least:.4} of the best learner that knows which features pretraining used");
    println!("price");
    let print = |name: &str, error: f64| println!("{:6.2}  {name}", bayes.price_of(error));

    let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
    let protocols = [Protocol::REBALANCED, Protocol::Continued, Protocol::ProbeKept];
    let ranking = Solver::new().rank_protocols(&Transfer::new(&task, map), &samples, &protocols)?;
    for ranked in &ranking.ranked {
        print(&format!("equal layers, {}", ranked.protocol), ranked.generalization_error());
    }
    let optimum = InitializationDesign::new(&task, samples, 1e-3)?.optimum()?;
    print("best initialization", optimum.solution.generalization_error());

    let scratch = Law::from_scratch(&task, &map.pretraining())?;
    print("network from scratch", Solver::new().solve(&scratch, &samples)?.generalization_error());
    for (name, estimator) in [("tuned ridge", Estimator::Lazy), ("tuned LASSO", Estimator::Rich)] {
        let solver = Solver::new().with_estimator(estimator);
        print(name, solver.best_explicit_penalty(&scratch, &samples)?.generalization_error);
    }
    let best_scratch = BayesOptimal::from_scratch(&task)?.solve(&samples)?;
    print("best learner from scratch", best_scratch.message_passing().generalization_error());
    Ok(())
}

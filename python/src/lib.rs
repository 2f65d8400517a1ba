//! The crate `diagonet` from Python: the compiled part, which the package of the same name wraps.

mod batch;
mod columns;
mod command;
mod failure;
mod functions;
mod objects;
mod problems;

/// Functions of arrays, and the two objects that can be asked further.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::command::evaluate_table;
    #[pymodule_export]
    use crate::functions::{
        bayes_error, bayes_threshold, best_initialization, best_penalty, check_task,
        effective_scale, error, errors_by_class, inductive_bias, learning_curve, penalty,
        protocol_errors, proximal, realize, recovery_threshold, required_samples, scale_and_start,
        scales, scales_of_layers, scales_of_regime, sensitivities, statistics, task_bias, transfer,
    };
    #[pymodule_export]
    use crate::objects::{PyLaw, PySolution, classes, solve};
}

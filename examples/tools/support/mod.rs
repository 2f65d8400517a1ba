//! What the programs share, a file for each concern. Each program uses a part of it.

pub(crate) mod axes;
pub(crate) mod contour;
pub(crate) mod corners;
pub(crate) mod curves;
pub(crate) mod files;
pub(crate) mod heat_map;
pub(crate) mod in_order;
pub(crate) mod norm;
pub(crate) mod problem;
pub(crate) mod regimes_on_tasks;
pub(crate) mod svg;
pub(crate) mod table;
pub(crate) mod typeset;

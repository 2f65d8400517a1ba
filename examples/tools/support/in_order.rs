//! Work on all processors, with results in the order of the items.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError, mpsc};

/// Does the work on every item, on as many threads as there are processors, and hands results on as soon
/// as they and all before them are done: all that are due at a time in one list. Items are taken one by
/// one when a thread is free, so that an endless stream of them is worked on while it comes. The first
/// error ends the work.
pub(crate) fn in_order<T, R: Send, E>(
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(Vec<R>) -> Result<(), E>,
) -> Result<(), E> {
    let items = Mutex::new(items.enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((index, item)) = next() {
                    if sender.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        while let Ok(first) = results.recv() {
            waiting.extend(std::iter::once(first).chain(results.try_iter()));
            let ready: Vec<_> = (due..).map_while(|index| waiting.remove(&index)).collect();
            due += ready.len();
            if !ready.is_empty() {
                take(ready)?;
            }
        }
        Ok(())
    })
}

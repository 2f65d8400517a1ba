//! Numbers on which the same is done at once, with the cargo feature `simd` by the widest instructions that
//! the machine turns out to have.
//!
//! A [`Job`] is compiled once for every [`Machine`], and [`best`] runs the one that fits. Every machine
//! rounds every operation by itself (no product is fused with a sum), so that all give the same digits.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

/// How many.
pub(crate) const LANES: usize = 4;

/// Arithmetic on four numbers at once.
pub(crate) trait Machine: Copy + Debug {
    /// Four numbers.
    type Wide: Copy + Debug;

    fn wide(self, array: [f64; LANES]) -> Self::Wide;
    fn array(self, a: Self::Wide) -> [f64; LANES];
    fn splat(self, x: f64) -> Self::Wide;
    fn add(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn sub(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn mul(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn div(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// The larger one; `b` where one is not a number.
    fn larger(self, a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// The bits, with the lower 12 moved to the front.
    fn lowest_bits_first(self, a: Self::Wide) -> Self::Wide;
    /// Does a job by the instructions of this machine.
    fn run<J: Job>(self, job: J) -> J::Output;
}

/// What is done with lanes. All of it is inlined, closures too: what is not is compiled without the
/// machine's instructions.
pub(crate) trait Job {
    type Output;

    fn run<M: Machine>(self, machine: M) -> Self::Output;
}

/// Does a job by the widest instructions that the machine has.
#[inline(always)]
pub(crate) fn best<J: Job>(job: J) -> J::Output {
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if let Some(wide) = wide::Avx2::get() {
        return wide.run(job);
    }
    Plain.run(job)
}

/// Arrays, of which the compiler makes what every machine of a kind has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

#[inline(always)]
fn each(f: impl Fn(usize) -> f64) -> [f64; LANES] {
    [f(0), f(1), f(2), f(3)]
}

impl Machine for Plain {
    type Wide = [f64; LANES];

    #[inline(always)]
    fn wide(self, array: [f64; LANES]) -> [f64; LANES] {
        array
    }

    #[inline(always)]
    fn array(self, a: [f64; LANES]) -> [f64; LANES] {
        a
    }

    #[inline(always)]
    fn splat(self, x: f64) -> [f64; LANES] {
        [x; LANES]
    }

    #[inline(always)]
    fn add(self, a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
        each(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
        each(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn larger(self, a: [f64; LANES], b: [f64; LANES]) -> [f64; LANES] {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn lowest_bits_first(self, a: [f64; LANES]) -> [f64; LANES] {
        each(|i| f64::from_bits(a[i].to_bits() << 52))
    }

    #[inline(always)]
    fn run<J: Job>(self, job: J) -> J::Output {
        job.run(self)
    }
}

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod wide {
    use super::{Job, LANES, Machine};
    use pulp::x86::V3;
    use pulp::{NullaryFnOnce, cast, f64x4};

    /// Registers of 256 bits.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct Avx2(V3);

    impl Avx2 {
        /// Where the machine has them.
        #[inline(always)]
        pub(super) fn get() -> Option<Self> {
            #[cfg(test)]
            if super::tests::is_plain() {
                return None;
            }
            V3::try_new().map(Self)
        }
    }

    struct On<J>(Avx2, J);

    impl<J: Job> NullaryFnOnce for On<J> {
        type Output = J::Output;

        #[inline(always)]
        fn call(self) -> J::Output {
            self.1.run(self.0)
        }
    }

    impl Machine for Avx2 {
        type Wide = f64x4;

        #[inline(always)]
        fn wide(self, array: [f64; LANES]) -> f64x4 {
            cast(array)
        }

        #[inline(always)]
        fn array(self, a: f64x4) -> [f64; LANES] {
            cast(a)
        }

        #[inline(always)]
        fn splat(self, x: f64) -> f64x4 {
            self.0.splat_f64x4(x)
        }

        #[inline(always)]
        fn add(self, a: f64x4, b: f64x4) -> f64x4 {
            self.0.add_f64x4(a, b)
        }

        #[inline(always)]
        fn sub(self, a: f64x4, b: f64x4) -> f64x4 {
            self.0.sub_f64x4(a, b)
        }

        #[inline(always)]
        fn mul(self, a: f64x4, b: f64x4) -> f64x4 {
            self.0.mul_f64x4(a, b)
        }

        #[inline(always)]
        fn div(self, a: f64x4, b: f64x4) -> f64x4 {
            self.0.div_f64x4(a, b)
        }

        #[inline(always)]
        fn larger(self, a: f64x4, b: f64x4) -> f64x4 {
            self.0.max_f64x4(a, b)
        }

        #[inline(always)]
        fn lowest_bits_first(self, a: f64x4) -> f64x4 {
            cast(self.0.shl_const_u64x4::<52>(cast(a)))
        }

        #[inline(always)]
        fn run<J: Job>(self, job: J) -> J::Output {
            self.0.vectorize(On(self, job))
        }
    }
}

/// A number in every lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes<M: Machine> {
    machine: M,
    wide: M::Wide,
}

impl<M: Machine> Lanes<M> {
    #[inline(always)]
    pub(crate) fn new(machine: M, array: [f64; LANES]) -> Self {
        Self { machine, wide: machine.wide(array) }
    }

    /// The same number in every lane.
    #[inline(always)]
    pub(crate) fn splat(machine: M, x: f64) -> Self {
        Self { machine, wide: machine.splat(x) }
    }

    #[inline(always)]
    pub(crate) fn array(self) -> [f64; LANES] {
        self.machine.array(self.wide)
    }

    /// The same number in every lane of the same machine.
    #[inline(always)]
    pub(crate) fn like(self, x: f64) -> Self {
        Self::splat(self.machine, x)
    }

    /// Other numbers on the same machine.
    #[inline(always)]
    pub(crate) fn like_array(self, array: [f64; LANES]) -> Self {
        Self::new(self.machine, array)
    }

    /// One lane after the other, which only pays where there are no instructions for all.
    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let [a, b, c, d] = self.array();
        Self::new(self.machine, [f(a), f(b), f(c), f(d)])
    }

    #[inline(always)]
    pub(crate) fn recip(self) -> Self {
        let Self { machine, wide } = self;
        Self { machine, wide: machine.div(machine.splat(1.0), wide) }
    }

    /// The larger one; `other` where one is not a number.
    #[inline(always)]
    pub(crate) fn larger(self, other: Self) -> Self {
        Self { wide: self.machine.larger(self.wide, other.wide), ..self }
    }

    /// The numbers whose first 12 bits are the last of these.
    #[inline(always)]
    pub(crate) fn lowest_bits_first(self) -> Self {
        Self { wide: self.machine.lowest_bits_first(self.wide), ..self }
    }

    #[inline(always)]
    pub(crate) fn sum(self) -> f64 {
        let [a, b, c, d] = self.array();
        (a + c) + (b + d)
    }
}

impl<M: Machine> Add for Lanes<M> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { wide: self.machine.add(self.wide, other.wide), ..self }
    }
}

impl<M: Machine> AddAssign for Lanes<M> {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<M: Machine> Sub for Lanes<M> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { wide: self.machine.sub(self.wide, other.wide), ..self }
    }
}

impl<M: Machine> Mul for Lanes<M> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self { wide: self.machine.mul(self.wide, other.wide), ..self }
    }
}

impl<M: Machine> Mul<Lanes<M>> for f64 {
    type Output = Lanes<M>;
    #[inline(always)]
    fn mul(self, other: Lanes<M>) -> Lanes<M> {
        other.like(self) * other
    }
}

impl<M: Machine> Add<Lanes<M>> for f64 {
    type Output = Lanes<M>;
    #[inline(always)]
    fn add(self, other: Lanes<M>) -> Lanes<M> {
        other.like(self) + other
    }
}

impl<M: Machine> Neg for Lanes<M> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        -1.0 * self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        static PLAIN: Cell<bool> = const { Cell::new(false) };
    }

    /// Whether the thread does without the widest instructions.
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    pub(super) fn is_plain() -> bool {
        PLAIN.get()
    }

    /// What a function gives by plain arrays, which is what a machine without wider registers gives.
    pub(crate) fn on_plain_arrays<T>(f: impl FnOnce() -> T) -> T {
        PLAIN.set(true);
        let value = f();
        PLAIN.set(false);
        value
    }
}

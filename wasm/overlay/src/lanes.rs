// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Four lanes: v128 in WebAssembly, plain arrays elsewhere; the same results bit by bit.

pub const LANES: usize = 4;

#[cfg(target_arch = "wasm32")]
mod imp {
    use core::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub struct F4(v128);
    #[derive(Clone, Copy)]
    pub struct I4(v128);
    #[derive(Clone, Copy)]
    pub struct Mask(v128);

    impl F4 {
        #[inline(always)]
        pub fn new(v: [f32; 4]) -> Self {
            F4(f32x4(v[0], v[1], v[2], v[3]))
        }
        #[inline(always)]
        pub fn splat(v: f32) -> Self {
            F4(f32x4_splat(v))
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F4(f32x4_add(self.0, o.0))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F4(f32x4_mul(self.0, o.0))
        }
        #[inline(always)]
        pub fn clamp(self, low: Self, high: Self) -> Self {
            F4(f32x4_pmin(f32x4_pmax(self.0, low.0), high.0))
        }
        #[inline(always)]
        pub fn greater(self, o: Self) -> Mask {
            Mask(f32x4_gt(self.0, o.0))
        }
        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            let v = self.0;
            *to = [
                f32x4_extract_lane::<0>(v),
                f32x4_extract_lane::<1>(v),
                f32x4_extract_lane::<2>(v),
                f32x4_extract_lane::<3>(v),
            ];
        }
    }

    impl I4 {
        #[inline(always)]
        pub fn new(v: [i32; 4]) -> Self {
            I4(i32x4(v[0], v[1], v[2], v[3]))
        }
        #[inline(always)]
        pub fn splat(v: i32) -> Self {
            I4(i32x4_splat(v))
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I4(i32x4_add(self.0, o.0))
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I4(v128_or(self.0, o.0))
        }
        /// Lanes that are not negative.
        #[inline(always)]
        pub fn positive(self) -> Mask {
            Mask(i32x4_ge(self.0, i32x4_splat(0)))
        }
    }

    impl Mask {
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            Mask(v128_and(self.0, o.0))
        }
        #[inline(always)]
        pub fn any(self) -> bool {
            v128_any_true(self.0)
        }
        #[inline(always)]
        pub fn select(self, yes: F4, no: F4) -> F4 {
            F4(v128_bitselect(yes.0, no.0, self.0))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use core::array::from_fn;

    #[derive(Clone, Copy)]
    pub struct F4([f32; 4]);
    #[derive(Clone, Copy)]
    pub struct I4([i32; 4]);
    #[derive(Clone, Copy)]
    pub struct Mask([bool; 4]);

    impl F4 {
        pub fn new(v: [f32; 4]) -> Self {
            F4(v)
        }
        pub fn splat(v: f32) -> Self {
            F4([v; 4])
        }
        pub fn add(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] + o.0[i]))
        }
        pub fn mul(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] * o.0[i]))
        }
        pub fn clamp(self, low: Self, high: Self) -> Self {
            F4(from_fn(|i| self.0[i].max(low.0[i]).min(high.0[i])))
        }
        pub fn greater(self, o: Self) -> Mask {
            Mask(from_fn(|i| self.0[i] > o.0[i]))
        }
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }
    }

    impl I4 {
        pub fn new(v: [i32; 4]) -> Self {
            I4(v)
        }
        pub fn splat(v: i32) -> Self {
            I4([v; 4])
        }
        pub fn add(self, o: Self) -> Self {
            I4(from_fn(|i| self.0[i].wrapping_add(o.0[i])))
        }
        pub fn or(self, o: Self) -> Self {
            I4(from_fn(|i| self.0[i] | o.0[i]))
        }
        /// Lanes that are not negative.
        pub fn positive(self) -> Mask {
            Mask(self.0.map(|v| v >= 0))
        }
    }

    impl Mask {
        pub fn and(self, o: Self) -> Self {
            Mask(from_fn(|i| self.0[i] && o.0[i]))
        }
        pub fn any(self) -> bool {
            self.0.iter().any(|v| *v)
        }
        pub fn select(self, yes: F4, no: F4) -> F4 {
            F4(from_fn(|i| if self.0[i] { yes.0[i] } else { no.0[i] }))
        }
    }
}

pub use imp::{Mask, F4, I4};

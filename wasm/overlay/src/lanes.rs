// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Four lanes: v128 in WebAssembly, plain arrays elsewhere; the same results bit by bit (no NaN goes in).

pub const LANES: usize = 4;
/// Added to a small number it leaves that number's integer in the lowest bits.
const ROUND: f32 = 8_388_608.0;

#[cfg(target_arch = "wasm32")]
mod imp {
    use super::ROUND;
    use core::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub struct F4(v128);
    #[derive(Clone, Copy)]
    pub struct I4(v128);
    #[derive(Clone, Copy)]
    pub struct Mask(v128);
    /// Two numbers of twice the width.
    #[derive(Clone, Copy)]
    pub struct D2(v128);

    impl D2 {
        #[inline(always)]
        pub fn new(a: f32, b: f32) -> Self {
            D2(f64x2_promote_low_f32x4(f32x4(a, b, 0.0, 0.0)))
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            D2(f64x2_add(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            D2(f64x2_sub(self.0, o.0))
        }
        #[inline(always)]
        pub fn scale(self, by: f64) -> Self {
            D2(f64x2_mul(self.0, f64x2_splat(by)))
        }
        /// Each of them in all lanes.
        #[inline(always)]
        pub fn splats(self) -> (F4, F4) {
            let v = f32x4_demote_f64x2_zero(self.0);
            (F4(i32x4_shuffle::<0, 0, 0, 0>(v, v)), F4(i32x4_shuffle::<1, 1, 1, 1>(v, v)))
        }
    }

    impl F4 {
        #[inline(always)]
        pub fn new(v: [f32; 4]) -> Self {
            F4(f32x4(v[0], v[1], v[2], v[3]))
        }
        #[inline(always)]
        pub fn splat(v: f32) -> Self {
            F4(f32x4_splat(v))
        }
        /// 0, 1, 2, 3.
        #[inline(always)]
        pub fn ramp() -> Self {
            F4(f32x4(0.0, 1.0, 2.0, 3.0))
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F4(f32x4_add(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            F4(f32x4_sub(self.0, o.0))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F4(f32x4_mul(self.0, o.0))
        }
        #[inline(always)]
        pub fn div(self, o: Self) -> Self {
            F4(f32x4_div(self.0, o.0))
        }
        #[inline(always)]
        pub fn min(self, o: Self) -> Self {
            F4(f32x4_pmin(self.0, o.0))
        }
        #[inline(always)]
        pub fn max(self, o: Self) -> Self {
            F4(f32x4_pmax(self.0, o.0))
        }
        #[inline(always)]
        pub fn greater(self, o: Self) -> Mask {
            Mask(f32x4_gt(self.0, o.0))
        }
        #[inline(always)]
        pub fn sqrt(self) -> Self {
            F4(f32x4_sqrt(self.0))
        }
        #[inline(always)]
        pub fn floor(self) -> Self {
            F4(f32x4_floor(self.0))
        }
        /// Down to an integer; 0 to 2^22 alone.
        #[inline(always)]
        pub fn whole(self) -> I4 {
            I4(v128_and(f32x4_add(f32x4_floor(self.0), f32x4_splat(ROUND)), i32x4_splat(0x7F_FFFF)))
        }
        /// Rounded to the nearest, ties to even; 0 to 255 alone.
        #[inline(always)]
        pub fn byte(self) -> I4 {
            I4(v128_and(f32x4_add(self.0, f32x4_splat(ROUND)), i32x4_splat(255)))
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
        /// 0, 1, 2, 3 steps.
        #[inline(always)]
        pub fn ramp(step: i32) -> Self {
            I4(i32x4_mul(i32x4_splat(step), i32x4(0, 1, 2, 3)))
        }
        #[inline(always)]
        pub fn negative(self) -> Mask {
            Mask(i32x4_shr(self.0, 31))
        }
        /// All lanes as bytes; 0 to 255 alone.
        #[inline(always)]
        pub fn bytes(v: [Self; 4]) -> [u8; 16] {
            let low = i16x8_narrow_i32x4(v[0].0, v[1].0);
            let high = i16x8_narrow_i32x4(v[2].0, v[3].0);
            let v = u8x16_narrow_i16x8(low, high);
            let (a, b) = (u64x2_extract_lane::<0>(v).to_le_bytes(), u64x2_extract_lane::<1>(v).to_le_bytes());
            core::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] })
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I4(i32x4_add(self.0, o.0))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            I4(i32x4_mul(self.0, o.0))
        }
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            let v = self.0;
            [
                i32x4_extract_lane::<0>(v),
                i32x4_extract_lane::<1>(v),
                i32x4_extract_lane::<2>(v),
                i32x4_extract_lane::<3>(v),
            ]
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I4(v128_or(self.0, o.0))
        }
        #[inline(always)]
        pub fn left(self, bits: u32) -> Self {
            I4(i32x4_shl(self.0, bits))
        }
        /// Lanes that are not negative.
        #[inline(always)]
        pub fn positive(self) -> Mask {
            Mask(i32x4_ge(self.0, i32x4_splat(0)))
        }
        #[inline(always)]
        pub fn store(self, to: &mut [u32; 4]) {
            let v = self.0;
            *to = [
                u32x4_extract_lane::<0>(v),
                u32x4_extract_lane::<1>(v),
                u32x4_extract_lane::<2>(v),
                u32x4_extract_lane::<3>(v),
            ];
        }
    }

    impl Mask {
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            Mask(v128_and(self.0, o.0))
        }
        #[inline(always)]
        pub fn and_not(self, o: Self) -> Self {
            Mask(v128_andnot(self.0, o.0))
        }
        #[inline(always)]
        pub fn any(self) -> bool {
            v128_any_true(self.0)
        }
        #[inline(always)]
        pub fn select(self, yes: F4, no: F4) -> F4 {
            F4(v128_bitselect(yes.0, no.0, self.0))
        }
        #[inline(always)]
        pub fn choose(self, yes: I4, no: I4) -> I4 {
            I4(v128_bitselect(yes.0, no.0, self.0))
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod imp {
    use super::ROUND;
    use core::array::from_fn;

    #[derive(Clone, Copy)]
    pub struct F4([f32; 4]);
    #[derive(Clone, Copy)]
    pub struct I4([i32; 4]);
    #[derive(Clone, Copy)]
    pub struct Mask([bool; 4]);
    /// Two numbers of twice the width.
    #[derive(Clone, Copy)]
    pub struct D2([f64; 2]);

    impl D2 {
        #[inline(always)]
        pub fn new(a: f32, b: f32) -> Self {
            D2([f64::from(a), f64::from(b)])
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            D2([self.0[0] + o.0[0], self.0[1] + o.0[1]])
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            D2([self.0[0] - o.0[0], self.0[1] - o.0[1]])
        }
        #[inline(always)]
        pub fn scale(self, by: f64) -> Self {
            D2([self.0[0] * by, self.0[1] * by])
        }
        /// Each of them in all lanes.
        #[inline(always)]
        pub fn splats(self) -> (F4, F4) {
            (F4([self.0[0] as f32; 4]), F4([self.0[1] as f32; 4]))
        }
    }

    impl F4 {
        #[inline(always)]
        pub fn new(v: [f32; 4]) -> Self {
            F4(v)
        }
        #[inline(always)]
        pub fn splat(v: f32) -> Self {
            F4([v; 4])
        }
        /// 0, 1, 2, 3.
        #[inline(always)]
        pub fn ramp() -> Self {
            F4([0.0, 1.0, 2.0, 3.0])
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] + o.0[i]))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] - o.0[i]))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] * o.0[i]))
        }
        #[inline(always)]
        pub fn div(self, o: Self) -> Self {
            F4(from_fn(|i| self.0[i] / o.0[i]))
        }
        #[inline(always)]
        pub fn min(self, o: Self) -> Self {
            F4(from_fn(|i| if o.0[i] < self.0[i] { o.0[i] } else { self.0[i] }))
        }
        #[inline(always)]
        pub fn max(self, o: Self) -> Self {
            F4(from_fn(|i| if self.0[i] < o.0[i] { o.0[i] } else { self.0[i] }))
        }
        #[inline(always)]
        pub fn greater(self, o: Self) -> Mask {
            Mask(from_fn(|i| self.0[i] > o.0[i]))
        }
        #[inline(always)]
        pub fn sqrt(self) -> Self {
            F4(self.0.map(libm::sqrtf))
        }
        #[inline(always)]
        pub fn floor(self) -> Self {
            F4(self.0.map(libm::floorf))
        }
        /// Down to an integer; 0 to 2^22 alone.
        #[inline(always)]
        pub fn whole(self) -> I4 {
            I4(self.0.map(|v| v as i32))
        }
        /// Rounded to the nearest, ties to even; 0 to 255 alone.
        #[inline(always)]
        pub fn byte(self) -> I4 {
            I4(self.0.map(|v| ((v + ROUND).to_bits() & 255) as i32))
        }
        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }
    }

    impl I4 {
        #[inline(always)]
        pub fn new(v: [i32; 4]) -> Self {
            I4(v)
        }
        #[inline(always)]
        pub fn splat(v: i32) -> Self {
            I4([v; 4])
        }
        /// 0, 1, 2, 3 steps.
        #[inline(always)]
        pub fn ramp(step: i32) -> Self {
            I4(from_fn(|i| step.wrapping_mul(i as i32)))
        }
        #[inline(always)]
        pub fn negative(self) -> Mask {
            Mask(self.0.map(|v| v < 0))
        }
        /// All lanes as bytes; 0 to 255 alone.
        #[inline(always)]
        pub fn bytes(v: [Self; 4]) -> [u8; 16] {
            from_fn(|i| v[i / 4].0[i % 4] as u8)
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I4(from_fn(|i| self.0[i].wrapping_add(o.0[i])))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            I4(from_fn(|i| self.0[i].wrapping_mul(o.0[i])))
        }
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            self.0
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I4(from_fn(|i| self.0[i] | o.0[i]))
        }
        #[inline(always)]
        pub fn left(self, bits: u32) -> Self {
            I4(self.0.map(|v| v << bits))
        }
        /// Lanes that are not negative.
        #[inline(always)]
        pub fn positive(self) -> Mask {
            Mask(self.0.map(|v| v >= 0))
        }
        #[inline(always)]
        pub fn store(self, to: &mut [u32; 4]) {
            *to = self.0.map(|v| v as u32);
        }
    }

    impl Mask {
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            Mask(from_fn(|i| self.0[i] && o.0[i]))
        }
        #[inline(always)]
        pub fn and_not(self, o: Self) -> Self {
            Mask(from_fn(|i| self.0[i] && !o.0[i]))
        }
        #[inline(always)]
        pub fn any(self) -> bool {
            self.0.iter().any(|v| *v)
        }
        #[inline(always)]
        pub fn select(self, yes: F4, no: F4) -> F4 {
            F4(from_fn(|i| if self.0[i] { yes.0[i] } else { no.0[i] }))
        }
        #[inline(always)]
        pub fn choose(self, yes: I4, no: I4) -> I4 {
            I4(from_fn(|i| if self.0[i] { yes.0[i] } else { no.0[i] }))
        }
    }
}

pub use imp::{Mask, D2, F4, I4};

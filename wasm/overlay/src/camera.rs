// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Pinhole with Brown-Conrady distortion (Brown, "Close-range camera calibration", 1971; OpenCV's five coefficients), or
//! fisheye (Kannala and Brandt, PAMI 28(8), 2006; OpenCV's four).

use crate::fill::snap;
use crate::project::sqrt;
use crate::split::SHORT_PX;

/// Nothing nearer than this is drawn.
pub const NEAR_M: f64 = 1e-3;
/// Sides of the field polygon.
pub const SIDES: usize = 16;
/// Outcodes of which one shared by all corners hides a triangle; the remaining one only asks for clipping.
pub const REJECT: u8 = 0b1_1111;
/// Outcode of the near plane.
pub const BEHIND: u8 = 1;
const CLIP: u8 = 0b10_0000;

/// Intrinsics in pixels. `field_radius` bounds x/z, y/z: the caller puts it beyond the image's corners but inside the
/// radius where the distortion folds back; geometry is clipped to a regular polygon inscribed in that circle.
#[derive(Clone, Debug)]
pub struct Camera {
    fx: f64,
    skew: f64,
    cx: f64,
    fy: f64,
    cy: f64,
    k: [f64; 5],
    fisheye: bool,
    field_radius: f64,
    inner: f64,
    short: f64,
    pub(crate) sides: [[f64; 2]; SIDES],
}

impl Camera {
    /// From fx, skew, cx, fy, cy, five coefficients (k1 k2 p1 p2 k3, or k1 k2 k3 k4 0), field_radius, 1 for a fisheye, and how
    /// long an edge may be that this lens does not bend (px, SHORT_PX at least); None where one is not finite or the radius
    /// not positive.
    pub fn from_slice(v: &[f64]) -> Option<Self> {
        let short = v.get(12).copied().unwrap_or(0.0);
        let v: [f64; 12] = v.get(..12)?.try_into().ok()?;
        if v.iter().any(|x| !x.is_finite()) || !short.is_finite() || v[10] <= 0.0 {
            return None;
        }
        let angle = |i: usize| core::f64::consts::PI * 2.0 * i as f64 / SIDES as f64;
        Some(Camera {
            fx: v[0],
            skew: v[1],
            cx: v[2],
            fy: v[3],
            cy: v[4],
            k: [v[5], v[6], v[7], v[8], v[9]],
            fisheye: v[11] > 0.0,
            field_radius: v[10],
            short: short.clamp(SHORT_PX, 4096.0),
            inner: v[10] * libm::cos(core::f64::consts::PI / SIDES as f64),
            sides: core::array::from_fn(|i| [libm::cos(angle(i)), libm::sin(angle(i))]),
        })
    }

    /// Whether straight edges stay straight.
    pub fn straight(&self) -> bool {
        !self.fisheye && self.k == [0.0; 5]
    }

    /// Edges up to this length, pixels, need not be looked at.
    pub(crate) fn short(&self) -> f64 {
        self.short
    }

    /// Which limits a point misses: bit 0 near plane, 1-4 the field's box, 5 the field polygon's inner circle.
    #[inline]
    pub fn outcode(&self, p: &[f64; 3]) -> u8 {
        let limit = self.field_radius * p[2];
        let inner = self.inner * p[2];
        u8::from(p[2] < NEAR_M)
            | u8::from(p[0] > limit) << 1
            | u8::from(p[0] < -limit) << 2
            | u8::from(p[1] > limit) << 3
            | u8::from(p[1] < -limit) << 4
            | (CLIP * u8::from(p[0] * p[0] + p[1] * p[1] > inner * inner))
    }

    /// Signed distances (times z) to the near plane and to the polygon's sides, positive inside.
    pub(crate) fn inside(&self, p: &[f64; 3], plane: usize) -> f64 {
        match plane {
            0 => p[2] - NEAR_M,
            _ => self.inner * p[2] - (self.sides[plane - 1][0] * p[0] + self.sides[plane - 1][1] * p[1]),
        }
    }

    /// Pixel of a point in front of the camera and inside the field.
    #[inline]
    pub fn pixel(&self, p: &[f64; 3]) -> [f64; 2] {
        let (x, y) = (p[0] / p[2], p[1] / p[2]);
        let (xd, yd) = if self.fisheye { self.equidistant(x, y) } else { self.brown(x, y) };
        [self.fx * xd + self.skew * yd + self.cx, self.fy * yd + self.cy]
    }

    /// Pixel snapped to the sub-pixel grid.
    #[inline]
    pub fn snapped(&self, p: &[f64; 3]) -> [i32; 2] {
        self.pixel(p).map(snap)
    }

    #[inline]
    fn brown(&self, x: f64, y: f64) -> (f64, f64) {
        let [k1, k2, p1, p2, k3] = self.k;
        let (xx, yy, xy) = (x * x, y * y, x * y);
        let r2 = xx + yy;
        let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let xd = x * radial + (2.0 * p1 * xy + p2 * (r2 + 2.0 * xx));
        let yd = y * radial + (p1 * (r2 + 2.0 * yy) + 2.0 * p2 * xy);
        (xd, yd)
    }

    #[inline]
    fn equidistant(&self, x: f64, y: f64) -> (f64, f64) {
        let r = sqrt(x * x + y * y);
        if r < 1e-9 {
            return (x, y);
        }
        let theta = libm::atan(r);
        let t2 = theta * theta;
        let [k1, k2, k3, k4, _] = self.k;
        let scale = theta * (1.0 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))) / r;
        (x * scale, y * scale)
    }
}

// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vertex stage.

use crate::camera::{Camera, NEAR_M};
use crate::fill::Corner;

/// Scratch of the vertex stage, one entry a vertex: snapped pixel, 1/z, shade 0-1, outcode.
pub struct Projected<'a> {
    pub x: &'a mut [i32],
    pub y: &'a mut [i32],
    pub invz: &'a mut [f32],
    pub shade: &'a mut [f32],
    pub code: &'a mut [u8],
}

impl Projected<'_> {
    #[inline]
    pub(crate) fn corner(&self, i: usize) -> Corner {
        Corner { x: self.x[i], y: self.y[i], invz: self.invz[i], shade: self.shade[i] }
    }
}

/// T_cam_mesh's upper rows, and the camera's centre in the mesh frame.
pub struct Pose {
    rows: [[f64; 4]; 3],
    eye: [f64; 3],
}

impl Pose {
    /// From twelve numbers, row-major, a rotation and a translation.
    pub fn from_slice(m: &[f64]) -> Self {
        let rows: [[f64; 4]; 3] = core::array::from_fn(|i| core::array::from_fn(|j| m[4 * i + j]));
        let eye =
            core::array::from_fn(|j| -(rows[0][j] * rows[0][3] + rows[1][j] * rows[1][3] + rows[2][j] * rows[2][3]));
        Pose { rows, eye }
    }

    #[inline]
    pub fn apply(&self, p: &[f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3])
    }

    /// Headlight Lambert: |n . v| of the unit normal and the direction to the eye, both in the mesh frame.
    #[inline]
    fn shade(&self, p: &[f64; 3], n: &[f32]) -> f32 {
        let v = [p[0] - self.eye[0], p[1] - self.eye[1], p[2] - self.eye[2]];
        let dot = f64::from(n[0]) * v[0] + f64::from(n[1]) * v[1] + f64::from(n[2]) * v[2];
        let squared = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
        (dot.abs() / sqrt(squared).max(1e-30)) as f32
    }
}

#[cfg(target_arch = "wasm32")]
#[inline]
pub(crate) fn sqrt(x: f64) -> f64 {
    use core::arch::wasm32::{f64x2_extract_lane, f64x2_splat, f64x2_sqrt};
    f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(x)))
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn sqrt(x: f64) -> f64 {
    libm::sqrt(x)
}

/// One vertex of the resident meshes, as f64.
#[inline]
pub fn point(vertices: &[f32], i: usize) -> [f64; 3] {
    let v = &vertices[3 * i..3 * i + 3];
    [f64::from(v[0]), f64::from(v[1]), f64::from(v[2])]
}

/// Projects a range of vertices; returns the nearest depth, at least the near plane's, or None where all are behind it.
pub fn vertices(
    vertices: &[f32],
    normals: &[f32],
    range: core::ops::Range<usize>,
    pose: &Pose,
    camera: &Camera,
    out: &mut Projected,
) -> Option<f64> {
    let (mut nearest, mut farthest) = (f64::INFINITY, f64::NEG_INFINITY);
    for i in range {
        let p = point(vertices, i);
        let c = pose.apply(&p);
        (nearest, farthest) = (nearest.min(c[2]), farthest.max(c[2]));
        out.shade[i] = pose.shade(&p, &normals[3 * i..3 * i + 3]);
        out.code[i] = camera.outcode(&c);
        if out.code[i] == 0 {
            [out.x[i], out.y[i]] = camera.pixel(&c);
            out.invz[i] = (1.0 / c[2]) as f32;
        }
    }
    (farthest >= NEAR_M).then_some(nearest.max(NEAR_M))
}

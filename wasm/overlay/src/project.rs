// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The vertex stage.

use crate::camera::{Camera, BEHIND};

/// T_cam_mesh's upper rows, the camera's centre in the mesh frame, and how far vertices move along their normals.
pub struct Pose {
    rows: [[f64; 4]; 3],
    pub(crate) eye: [f64; 3],
    pub(crate) inflate: f64,
}

impl Pose {
    /// From twelve numbers, row-major, a rotation and a translation.
    pub fn from_slice(m: &[f64], inflate: f64) -> Self {
        let rows: [[f64; 4]; 3] = core::array::from_fn(|i| core::array::from_fn(|j| m[4 * i + j]));
        let eye =
            core::array::from_fn(|j| -(rows[0][j] * rows[0][3] + rows[1][j] * rows[1][3] + rows[2][j] * rows[2][3]));
        Pose { rows, eye, inflate }
    }

    #[inline]
    pub fn apply(&self, p: &[f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3])
    }

    /// A direction's first two components in the camera frame.
    pub(crate) fn turn(&self, n: &[f64; 3]) -> [f64; 2] {
        [0, 1].map(|i| self.rows[i][0] * n[0] + self.rows[i][1] * n[1] + self.rows[i][2] * n[2])
    }

    /// Headlight Lambert: |n . v| of the unit normal and the direction to the eye, both in the mesh frame.
    #[inline]
    fn shade(&self, p: &[f64; 3], n: &[f64; 3]) -> f64 {
        let v = [p[0] - self.eye[0], p[1] - self.eye[1], p[2] - self.eye[2]];
        let dot = n[0] * v[0] + n[1] * v[1] + n[2] * v[2];
        let squared = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
        dot.abs() / sqrt(squared).max(1e-30)
    }
}

#[cfg(target_arch = "wasm32")]
#[inline]
pub(crate) fn sqrt(x: f64) -> f64 {
    use core::arch::wasm32::{f64x2_extract_lane, f64x2_splat, f64x2_sqrt};
    f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(x)))
}

#[cfg(not(target_arch = "wasm32"))]
#[inline]
pub(crate) fn sqrt(x: f64) -> f64 {
    libm::sqrt(x)
}

/// One vertex of the resident meshes, as f64.
#[inline]
pub fn point(vertices: &[f32], i: usize) -> [f64; 3] {
    let v = &vertices[3 * i..3 * i + 3];
    [f64::from(v[0]), f64::from(v[1]), f64::from(v[2])]
}

/// A corner in the camera frame, with its shade.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vertex {
    pub p: [f64; 3],
    pub shade: f64,
}

/// A projected corner: snapped pixel, 1/z, shade.
#[derive(Clone, Copy, Debug, Default)]
pub struct Corner {
    pub x: i32,
    pub y: i32,
    pub invz: f32,
    pub shade: f32,
}

impl Corner {
    /// As four words.
    #[inline(always)]
    pub fn load(w: &[u32]) -> Self {
        Corner { x: w[0] as i32, y: w[1] as i32, invz: f32::from_bits(w[2]), shade: f32::from_bits(w[3]) }
    }

    #[inline(always)]
    pub fn words(&self) -> [u32; 4] {
        [self.x as u32, self.y as u32, self.invz.to_bits(), self.shade.to_bits()]
    }
}

impl Vertex {
    /// A resident vertex, moved along its normal and into the camera frame.
    #[inline]
    pub fn new(vertices: &[f32], normals: &[f32], i: usize, pose: &Pose) -> Self {
        let (p, n) = (point(vertices, i), point(normals, i));
        let p = core::array::from_fn(|k| p[k] + pose.inflate * n[k]);
        Vertex { p: pose.apply(&p), shade: pose.shade(&p, &n) }
    }

    #[inline]
    pub fn corner(&self, camera: &Camera) -> Corner {
        let [x, y] = camera.snapped(&self.p);
        Corner { x, y, invz: (1.0 / self.p[2]) as f32, shade: self.shade as f32 }
    }
}

/// Projects a range of vertices; returns the codes that all of them have and those that any has.
pub fn vertices(
    vertices: &[f32],
    normals: &[f32],
    range: core::ops::Range<usize>,
    pose: &Pose,
    camera: &Camera,
    corners: &mut [u32],
    code: &mut [u8],
) -> (u8, u8) {
    let (mut all, mut any) = (u8::MAX, 0);
    let out = corners[4 * range.start..4 * range.end].chunks_exact_mut(4);
    for ((i, corner), code) in range.clone().zip(out).zip(&mut code[range]) {
        let v = Vertex::new(vertices, normals, i, pose);
        *code = camera.outcode(&v.p);
        (all, any) = (all & *code, any | *code);
        if *code == 0 {
            corner.copy_from_slice(&v.corner(camera).words());
        }
    }
    (all, any)
}

/// Whether anything of a mesh was behind the near plane.
pub fn behind(any: u8) -> bool {
    any & BEHIND != 0
}

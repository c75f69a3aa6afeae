// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Rigid transforms as rotation matrix and translation.

use nalgebra::{Matrix3, Matrix4, Quaternion, SymmetricEigen, UnitQuaternion, Vector3};

/// `p_a = r p_b + t`.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    pub r: Matrix3<f64>,
    pub t: Vector3<f64>,
}

impl Pose {
    /// From 16 numbers, row-major.
    pub fn read(m: &[f64]) -> Self {
        Pose {
            r: Matrix3::new(m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]),
            t: Vector3::new(m[3], m[7], m[11]),
        }
    }

    /// 16 numbers, row-major.
    pub fn array(&self) -> [f64; 16] {
        let mut out = [0.0; 16];
        for i in 0..3 {
            out[4 * i..4 * i + 4].copy_from_slice(&[self.r[(i, 0)], self.r[(i, 1)], self.r[(i, 2)], self.t[i]]);
        }
        out[15] = 1.0;
        out
    }

    pub fn inverse(&self) -> Self {
        let r = self.r.transpose();
        Pose { r, t: -(r * self.t) }
    }

    pub fn then(&self, other: &Pose) -> Self {
        Pose { r: self.r * other.r, t: self.r * other.t + self.t }
    }
}

pub fn skew(w: &Vector3<f64>) -> Matrix3<f64> {
    Matrix3::new(0.0, -w[2], w[1], w[2], 0.0, -w[0], -w[1], w[0], 0.0)
}

/// Rodrigues' formula.
pub fn exp(w: &Vector3<f64>) -> Matrix3<f64> {
    let angle = w.norm();
    let half = if angle < 1e-8 { 0.5 } else { libm::sin(0.5 * angle) / angle };
    let sinc = if angle < 1e-8 { 1.0 } else { libm::sin(angle) / angle };
    let k = skew(w);
    Matrix3::identity() + k * sinc + k * k * (2.0 * half * half)
}

/// The rotation's quaternion (w, x, y, z), w not negative: the largest of Shepperd's four forms, J. Guidance and
/// Control 1(3), 1978.
pub fn quaternion(r: &Matrix3<f64>) -> [f64; 4] {
    let trace = r.trace();
    let (a, b, c) = (r[(2, 1)] - r[(1, 2)], r[(0, 2)] - r[(2, 0)], r[(1, 0)] - r[(0, 1)]);
    let (p, q, s) = (r[(1, 0)] + r[(0, 1)], r[(0, 2)] + r[(2, 0)], r[(2, 1)] + r[(1, 2)]);
    let (x, y, z) = (r[(0, 0)], r[(1, 1)], r[(2, 2)]);
    let found = if trace >= x.max(y).max(z) {
        [1.0 + trace, a, b, c]
    } else if x >= y.max(z) {
        [a, 1.0 + 2.0 * x - trace, p, q]
    } else if y >= z {
        [b, p, 1.0 + 2.0 * y - trace, s]
    } else {
        [c, q, s, 1.0 + 2.0 * z - trace]
    };
    let norm = libm::sqrt(found.iter().map(|v| v * v).sum());
    let sign = if found[0] < 0.0 { -1.0 } else { 1.0 };
    found.map(|v| sign * v / norm)
}

/// Rotation vector, norm at most pi.
pub fn log(r: &Matrix3<f64>) -> Vector3<f64> {
    let [w, x, y, z] = quaternion(r);
    let v = Vector3::new(x, y, z);
    let norm = v.norm();
    if norm < 1e-12 {
        return v * 2.0;
    }
    v * (2.0 * libm::atan2(norm, w) / norm)
}

/// d log(exp(d) exp(r)) / d d at d = 0: the inverse of SO(3)'s left Jacobian (Chirikjian 2012, section 10.8).
pub fn left_jacobian_inverse(r: &Vector3<f64>) -> Matrix3<f64> {
    let angle = r.norm();
    let c = if angle < 1e-3 {
        1.0 / 12.0 + angle * angle / 720.0
    } else {
        let half = 0.5 * angle;
        (1.0 - half * libm::cos(half) / libm::sin(half)) / (angle * angle)
    };
    let k = skew(r);
    Matrix3::identity() - k * 0.5 + k * k * c
}

/// The rotation R that makes the trace of R^T m largest (Horn's quaternion: right for a singular m too).
pub fn nearest_rotation(m: &Matrix3<f64>) -> Matrix3<f64> {
    let s = m.transpose();
    let (yz, zx, xy) = (s[(1, 2)] - s[(2, 1)], s[(2, 0)] - s[(0, 2)], s[(0, 1)] - s[(1, 0)]);
    let (pxy, pzx, pyz) = (s[(0, 1)] + s[(1, 0)], s[(2, 0)] + s[(0, 2)], s[(1, 2)] + s[(2, 1)]);
    let (x, y, z) = (s[(0, 0)], s[(1, 1)], s[(2, 2)]);
    let rows =
        [[x + y + z, yz, zx, xy], [yz, x - y - z, pxy, pzx], [zx, pxy, y - x - z, pyz], [xy, pzx, pyz, z - x - y]];
    let eigen = SymmetricEigen::new(Matrix4::from_fn(|i, j| rows[i][j]));
    let q = eigen.eigenvectors.column(eigen.eigenvalues.imax());
    UnitQuaternion::from_quaternion(Quaternion::new(q[0], q[1], q[2], q[3])).to_rotation_matrix().into_inner()
}

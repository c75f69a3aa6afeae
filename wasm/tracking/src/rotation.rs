// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! 3x3 rotations, rows first.

/// Rows of a 3x3 matrix.
pub type M3 = [[f64; 3]; 3];

pub fn multiply(a: &M3, b: &M3) -> M3 {
    core::array::from_fn(|i| core::array::from_fn(|j| a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j]))
}

pub fn apply(a: &M3, v: &[f64; 3]) -> [f64; 3] {
    a.map(|r| r[0] * v[0] + r[1] * v[1] + r[2] * v[2])
}

pub fn transpose(a: &M3) -> M3 {
    core::array::from_fn(|i| core::array::from_fn(|j| a[j][i]))
}

pub fn determinant(r: &M3) -> f64 {
    r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) - r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0])
        + r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0])
}

/// Unit axis and angle in 0..pi; the axis of no rotation is x. By Shepperd's quaternion, accurate near 0 and near pi.
pub fn axis_angle(r: &M3) -> ([f64; 3], f64) {
    let q = quaternion(r);
    let sign = if q[0] < 0.0 { -1.0 } else { 1.0 };
    let norm = libm::sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    if norm < 1e-300 {
        return ([1.0, 0.0, 0.0], 0.0);
    }
    ([q[1], q[2], q[3]].map(|v| sign * v / norm), 2.0 * libm::atan2(norm, q[0].abs()))
}

/// (w, x, y, z), not normalised: the largest of Shepperd's four forms, J. Guidance and Control 1(3), 1978.
fn quaternion(r: &M3) -> [f64; 4] {
    let trace = r[0][0] + r[1][1] + r[2][2];
    let (a, b, c) = (r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]);
    let (p, q, s) = (r[1][0] + r[0][1], r[0][2] + r[2][0], r[2][1] + r[1][2]);
    if trace >= r[0][0].max(r[1][1]).max(r[2][2]) {
        [1.0 + trace, a, b, c]
    } else if r[0][0] >= r[1][1].max(r[2][2]) {
        [a, 1.0 + 2.0 * r[0][0] - trace, p, q]
    } else if r[1][1] >= r[2][2] {
        [b, p, 1.0 + 2.0 * r[1][1] - trace, s]
    } else {
        [c, q, s, 1.0 + 2.0 * r[2][2] - trace]
    }
}

/// The rotation by theta about the unit axis n.
pub fn rodrigues(n: &[f64; 3], theta: f64) -> M3 {
    let (sin, half) = (libm::sin(theta), libm::sin(0.5 * theta));
    let versine = 2.0 * half * half;
    let k = [[0.0, -n[2], n[1]], [n[2], 0.0, -n[0]], [-n[1], n[0], 0.0]];
    let kk = multiply(&k, &k);
    core::array::from_fn(|i| core::array::from_fn(|j| f64::from(u8::from(i == j)) + sin * k[i][j] + versine * kk[i][j]))
}

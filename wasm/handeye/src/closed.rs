// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Closed forms: Park and Martin, IEEE Trans. Robotics and Automation 10(5), 1994; Daniilidis, Int. J. Robotics Research
//! 18(3), 1999; Shah, J. Mechanisms and Robotics 5(3), 2013.

use crate::pairs::{kept, Pairs, Unknowns};
use crate::se3::{log, nearest_rotation, quaternion, skew, Pose};
use nalgebra::{Matrix3, Matrix4x3, Quaternion, SMatrix, SVector, SymmetricEigen, UnitQuaternion, Vector3};

/// A relative rotation beyond this has a logarithm whose sign is noise.
const NEAR_HALF_TURN: f64 = 3.0;
/// Up to so many pairs every relative motion is taken, beyond it these many partners of each.
const ALL: usize = 60;
const PARTNERS: usize = 24;

/// Relative motions A_j^-1 A_i and B_j B_i^-1, for which the first times X is X times the second.
fn relative<'a>(pairs: Pairs<'a>, keep: &'a [f64]) -> impl Iterator<Item = (Pose, Pose)> + 'a {
    let n = pairs.len();
    let (partners, step) = if n <= ALL { (n - 1, 1) } else { (PARTNERS, (n / 2) / PARTNERS) };
    let of = move |i: usize, k: usize| if n <= ALL { i + k } else { (i + k * step.max(1)) % n };
    (0..n)
        .flat_map(move |i| (1..=partners).map(move |k| (i, of(i, k))))
        .filter(move |(i, j)| *j < n && keep[*i] > 0.0 && keep[*j] > 0.0)
        .map(move |(i, j)| {
            let ((a, b), (c, d)) = (pairs.get(i), pairs.get(j));
            (c.inverse().then(&a), d.then(&b.inverse()))
        })
}

/// Park and Martin's sum over logarithms; its polar factor by the quaternion, which two axes are enough for.
pub fn park(pairs: Pairs, keep: &[f64]) -> Option<Unknowns> {
    let mut sum = Matrix3::zeros();
    for (a, b) in relative(pairs, keep) {
        let (alpha, beta) = (log(&a.r), log(&b.r));
        if alpha.norm().max(beta.norm()) < NEAR_HALF_TURN {
            sum += alpha * beta.transpose();
        }
    }
    pairs.complete(&nearest_rotation(&sum), kept(keep))
}

/// Dual quaternions: the null space of the stacked equations, here the two least eigenvectors of their normal matrix.
pub fn daniilidis(pairs: Pairs, keep: &[f64]) -> Option<Unknowns> {
    let mut normal = SMatrix::<f64, 8, 8>::zeros();
    let length = kept(keep).map(|i| pairs.get(i).1.t.norm()).sum::<f64>() / kept(keep).count() as f64;
    let length = if length > 0.0 { length } else { 1.0 };
    for (a, b) in relative(pairs, keep) {
        let ((qa, da), (qb, db)) = (dual(&a, length), dual(&b, length));
        if qa[0].min(qb[0]) < libm::cos(0.5 * NEAR_HALF_TURN) {
            continue;
        }
        let mut rows = SMatrix::<f64, 6, 8>::zeros();
        let (main, other) = (block(&qa, &qb), block(&da, &db));
        rows.fixed_view_mut::<3, 4>(0, 0).copy_from(&main);
        rows.fixed_view_mut::<3, 4>(3, 0).copy_from(&other);
        rows.fixed_view_mut::<3, 4>(3, 4).copy_from(&main);
        normal += rows.transpose() * rows;
    }
    let x = dual_root(&normal)?;
    let r = UnitQuaternion::from_quaternion(Quaternion::new(x[0], x[1], x[2], x[3]));
    let t = (Quaternion::new(x[4], x[5], x[6], x[7]) * r.conjugate().into_inner()).imag() * (2.0 * length);
    let x = Pose { r: r.to_rotation_matrix().into_inner(), t };
    Some(Unknowns { x, z: mean_z(pairs, keep, &x) })
}

/// Real and dual part of the unit dual quaternion (scalar first), lengths divided by `length`.
fn dual(pose: &Pose, length: f64) -> ([f64; 4], [f64; 4]) {
    let q = quaternion(&pose.r);
    let t = pose.t / length;
    let d = Quaternion::new(0.0, t[0], t[1], t[2]) * Quaternion::new(q[0], q[1], q[2], q[3]) * 0.5;
    (q, [d.w, d.i, d.j, d.k])
}

/// The 3x4 block (a - b, [a + b]x) of vector parts.
fn block(a: &[f64; 4], b: &[f64; 4]) -> SMatrix<f64, 3, 4> {
    let (a, b) = (Vector3::new(a[1], a[2], a[3]), Vector3::new(b[1], b[2], b[3]));
    let mut out = Matrix4x3::zeros().transpose();
    out.set_column(0, &(a - b));
    out.fixed_view_mut::<3, 3>(0, 1).copy_from(&skew(&(a + b)));
    out
}

/// The combination of the two null vectors whose real part is a unit and orthogonal to its dual part.
fn dual_root(normal: &SMatrix<f64, 8, 8>) -> Option<SVector<f64, 8>> {
    let eigen = SymmetricEigen::new(*normal);
    let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
    order.sort_unstable_by(|i, j| eigen.eigenvalues[*i].total_cmp(&eigen.eigenvalues[*j]));
    let (v, w) = (eigen.eigenvectors.column(order[0]), eigen.eigenvectors.column(order[1]));
    let dot = |p: &SVector<f64, 8>, i: usize, q: &SVector<f64, 8>, j: usize| -> f64 {
        (0..4).map(|k| p[i + k] * q[j + k]).sum()
    };
    let (v, w) = (v.into_owned(), w.into_owned());
    // (l v + m w): the real part's product with the dual part, a l^2 + b l m + c m^2, must vanish.
    let (a, b, c) = (dot(&v, 0, &v, 4), dot(&v, 0, &w, 4) + dot(&w, 0, &v, 4), dot(&w, 0, &w, 4));
    let root = libm::sqrt((b * b - 4.0 * a * c).max(0.0));
    let q = -0.5 * (b + if b < 0.0 { -root } else { root });
    let size = |(l, m): &(f64, f64)| {
        let x = v * *l + w * *m;
        dot(&x, 0, &x, 0) / (l * l + m * m)
    };
    let candidates = [(q, a), (c, q)].into_iter().filter(|(l, m)| l * l + m * m > 0.0);
    let (l, m) = candidates.max_by(|p, r| size(p).total_cmp(&size(r)))?;
    let x = v * l + w * m;
    let norm = libm::sqrt(dot(&x, 0, &x, 0));
    (norm > 1e-9 * x.norm()).then(|| x / norm)
}

/// Z as the mean of A_i X B_i.
fn mean_z(pairs: Pairs, keep: &[f64], x: &Pose) -> Pose {
    let (mut r, mut t, mut n) = (Matrix3::zeros(), Vector3::zeros(), 0.0);
    for i in kept(keep) {
        let (a, b) = pairs.get(i);
        let z = a.then(x).then(&b);
        (r, t, n) = (r + z.r, t + z.t, n + 1.0);
    }
    Pose { r: nearest_rotation(&r), t: t / n }
}

/// vec R_Z = (R_B^T kron R_A) vec R_X: the first singular pair of the sum holds both rotations.
pub fn shah(pairs: Pairs, keep: &[f64]) -> Option<Unknowns> {
    let mut sum = SMatrix::<f64, 9, 9>::zeros();
    for i in kept(keep) {
        let (a, b) = pairs.get(i);
        for (row, col) in (0..9).flat_map(|r| (0..9).map(move |c| (r, c))) {
            sum[(row, col)] += b.r[(col / 3, row / 3)] * a.r[(row % 3, col % 3)];
        }
    }
    let svd = sum.try_svd(false, true, f64::EPSILON, 300)?;
    let v = svd.v_t?;
    let v = v.row(svd.singular_values.imax());
    let m = Matrix3::from_fn(|i, j| v[3 * j + i]);
    let sign = if m.determinant() < 0.0 { -1.0 } else { 1.0 };
    pairs.complete(&nearest_rotation(&(m * sign)), kept(keep))
}

// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Screw interpolation (ScLERP) of rigid transforms: T0 exp(alpha log(T0^-1 T1)); Murray, Li, Sastry, "A Mathematical
//! Introduction to Robotic Manipulation", 1994, ch. 2. A half turn takes the axis that the quaternion's sign gives.
//!
//! Transforms are 16 f64, row-major. Error: below 1e-12 for translations of metres.
#![no_std]
#![forbid(unsafe_code)]

mod rotation;

use rotation::{apply, axis_angle, determinant, multiply, rodrigues, transpose, M3};

/// A rotation's rows may miss orthonormality by this much.
pub const RIGID: f64 = 1e-6;

/// The module's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    NotFinite = 16,
    NotRigid = 17,
}

/// Which pose of the batch was refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub index: usize,
    pub refusal: Refusal,
}

struct Rigid {
    r: M3,
    t: [f64; 3],
}

/// Interpolates n pairs: slices of 16n, 16n, n and 16n numbers. Alpha outside 0-1 extrapolates the screw.
pub fn interpolate(t0: &[f64], t1: &[f64], alpha: &[f64], out: &mut [f64]) -> Result<(), Refused> {
    let pairs = t0.chunks_exact(16).zip(t1.chunks_exact(16)).zip(alpha).zip(out.chunks_exact_mut(16));
    for (index, (((a, b), alpha), out)) in pairs.enumerate() {
        let refused = |refusal| Refused { index, refusal };
        if !alpha.is_finite() {
            return Err(refused(Refusal::NotFinite));
        }
        let (a, b) = (read(a).map_err(refused)?, read(b).map_err(refused)?);
        write(&screw(&a, &b, *alpha), out);
    }
    Ok(())
}

fn read(m: &[f64]) -> Result<Rigid, Refusal> {
    if m.iter().any(|v| !v.is_finite()) {
        return Err(Refusal::NotFinite);
    }
    let r = [[m[0], m[1], m[2]], [m[4], m[5], m[6]], [m[8], m[9], m[10]]];
    let gram = multiply(&r, &transpose(&r));
    let off = (0..9).any(|i| (gram[i / 3][i % 3] - f64::from(u8::from(i % 4 == 0))).abs() > RIGID);
    let last = m[12..15].iter().any(|v| v.abs() > 1e-9) || (m[15] - 1.0).abs() > 1e-9;
    if off || last || determinant(&r) < 0.0 {
        return Err(Refusal::NotRigid);
    }
    Ok(Rigid { r, t: [m[3], m[7], m[11]] })
}

fn write(pose: &Rigid, out: &mut [f64]) {
    for i in 0..3 {
        out[4 * i..4 * i + 3].copy_from_slice(&pose.r[i]);
        out[4 * i + 3] = pose.t[i];
    }
    out[12..16].copy_from_slice(&[0.0, 0.0, 0.0, 1.0]);
}

/// The screw from a to b is a rotation by theta about an axis with the velocity rho = V^-1 t: scale both, integrate.
fn screw(a: &Rigid, b: &Rigid, alpha: f64) -> Rigid {
    let back = transpose(&a.r);
    let (axis, theta) = axis_angle(&multiply(&back, &b.r));
    let step = apply(&back, &[b.t[0] - a.t[0], b.t[1] - a.t[1], b.t[2] - a.t[2]]);
    let rho = velocity(&axis, theta, &step);
    let (r, moved) = exponential(&axis, alpha * theta, &rho.map(|v| alpha * v));
    let moved = apply(&a.r, &moved);
    Rigid { r: multiply(&a.r, &r), t: [a.t[0] + moved[0], a.t[1] + moved[1], a.t[2] + moved[2]] }
}

/// rho = V^-1 t = t - theta/2 (n x t) + (1 - theta/2 cot(theta/2)) n x (n x t), for theta in 0..pi.
fn velocity(n: &[f64; 3], theta: f64, t: &[f64; 3]) -> [f64; 3] {
    let half = 0.5 * theta;
    let cot = if half < 1e-4 { half * half / 3.0 } else { 1.0 - half * libm::cos(half) / libm::sin(half) };
    let first = cross(n, t);
    let second = cross(n, &first);
    core::array::from_fn(|i| t[i] - half * first[i] + cot * second[i])
}

/// (R, V rho) with V = I + (1 - cos)/theta [n] + (1 - sin/theta) [n]^2, by series near zero.
fn exponential(n: &[f64; 3], theta: f64, rho: &[f64; 3]) -> (M3, [f64; 3]) {
    let half = libm::sin(0.5 * theta);
    let small = theta.abs() < 1e-4;
    let b = if small { 0.5 * theta } else { 2.0 * half * half / theta };
    let c = if small { theta * theta / 6.0 } else { 1.0 - libm::sin(theta) / theta };
    let first = cross(n, rho);
    let second = cross(n, &first);
    (rodrigues(n, theta), core::array::from_fn(|i| rho[i] + b * first[i] + c * second[i]))
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Calibration as a WebAssembly module. Capacities: rows of a (poses, points, the fast stream), rows of b (the slow
//! stream), lags.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::offset::{self, PAIR};
use kernel::poses::Poses;
use kernel::track::{Signal, Track, ROW};
use kernel::{pivot, sphere, spin};

fn lengths(c: &Capacities) -> [(Kind, u64); 11] {
    let [a, b, lags] = [u64::from(c[0]), u64::from(c[1]), u64::from(c[2])];
    [
        (Kind::U32, 8),         // rows of a, rows of b, lags, mode; out: pairs, inliers
        (Kind::F64, 8),         // parameters of the export
        (Kind::F64, 16 * a),    // a
        (Kind::F64, 5 * b),     // b
        (Kind::F64, 5 * b),     // pairs of the slow stream
        (Kind::F64, lags),      // lags
        (Kind::F64, lags),      // correlation
        (Kind::F64, lags),      // pairs behind it
        (Kind::F64, 4 * a),     // residuals (3) and inlier (0, 1) a row of a
        (Kind::F64, 3 * a + b), // scratch
        (Kind::F64, 64),        // fit
    ]
}

abi::kernel!(
    layout = 1,
    capacities = 3,
    blocks = 11,
    lengths = lengths,
    correlate = correlate_block,
    refine = refine_block,
    pivot = pivot_block,
    spin = spin_block,
    sphere = sphere_block,
);

/// Parameters of `correlate`: window s, longest interval s of the fast stream, of the slow one. Mode 1: translation.
fn correlate_block(mut arena: Arena) -> i32 {
    let (control, params) = (arena.u32(0), arena.f64(1));
    let [n, m, k] = [0, 1, 2].map(|i| control[i] as usize);
    if n > arena.capacity(0) || m > arena.capacity(1) || k > arena.capacity(2) {
        return status::INPUT;
    }
    let signal = signal(control[3]);
    let fast = Track { rows: &arena.f64(2)[..ROW * n], signal, gap: params[1] };
    let slow = Track { rows: &arena.f64(3)[..ROW * m], signal, gap: params[2] };
    let pairs = arena.f64(4);
    let count = offset::pair_up(&slow, params[0], pairs);
    control[4] = count as u32;
    let (lags, curve, counts, scratch) = (arena.f64(5), arena.f64(6), arena.f64(7), arena.f64(9));
    offset::correlate(&fast, &pairs[..PAIR * count], &lags[..k], &mut curve[..k], &mut counts[..k], scratch);
    status::OK
}

/// After `correlate`, which left the pairs. Parameters: longest interval s of the fast stream at 1, start s at 3, reach s
/// at 4. Fit: shift s, its standard error, gain, level, correlation, noise, outliers.
fn refine_block(mut arena: Arena) -> i32 {
    let (control, params) = (arena.u32(0), arena.f64(1));
    let [n, count] = [0, 4].map(|i| control[i] as usize);
    if n > arena.capacity(0) || count > arena.capacity(1) {
        return status::INPUT;
    }
    let fast = Track { rows: &arena.f64(2)[..ROW * n], signal: signal(control[3]), gap: params[1] };
    let (pairs, scratch, fit) = (arena.f64(4), arena.f64(9), arena.f64(10));
    match offset::refine(&fast, &mut pairs[..PAIR * count], params[3], params[4], scratch) {
        Ok((found, used)) => {
            control[4] = used as u32;
            let f = found;
            fit[..7].copy_from_slice(&[f.shift, f.sigma, f.gain, f.level, f.correlation, f.noise, f.outliers as f64]);
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

/// Parameters: least range, least swing (rad), limit (standard deviations). Mode 1: robust. Fit: tip 3, pivot 3, rms, rms by axis 3, max, inliers, range,
/// swings 3, directions 9, inverse 9, mean rotation 9 (row-major).
fn pivot_block(mut arena: Arena) -> i32 {
    let (control, params) = (arena.u32(0), arena.f64(1));
    let n = control[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let demand = pivot::Demand { range: params[0], swing: params[1], limit: params[2] };
    let (poses, residuals) = (Poses(&arena.f64(2)[..16 * n]), arena.f64(8));
    match pivot::solve(poses, demand, control[3] == 1, &mut residuals[..4 * n], &mut arena.f64(9)[..3 * n]) {
        Ok(f) => {
            let mut out = Writer(arena.f64(10));
            out.put(f.tip.as_slice()).put(f.pivot.as_slice()).put(&[f.rms]).put(&f.axis_rms);
            out.put(&[f.max, f.inliers as f64, f.range]).put(&f.swings);
            f.directions.iter().for_each(|d| out.put(d.as_slice()).end());
            out.put(f.inverse.transpose().as_slice()).put(f.mean_rotation.transpose().as_slice());
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

/// Parameters: least turn, most wobble (rad), most distance (m). Fit: axis 3, point 3, direction 3, centre 3, wobble,
/// distance, turn, swings 3.
fn spin_block(mut arena: Arena) -> i32 {
    let (control, params) = (arena.u32(0), arena.f64(1));
    let n = control[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let demand = spin::Demand { turn: params[0], wobble: params[1], radial: params[2] };
    let (poses, residuals) = (Poses(&arena.f64(2)[..16 * n]), arena.f64(8));
    match spin::solve(poses, demand, &mut residuals[..4 * n], arena.f64(9)) {
        Ok(f) => {
            let mut out = Writer(arena.f64(10));
            out.put(f.axis.as_slice()).put(f.point.as_slice()).put(f.direction.as_slice()).put(f.centre.as_slice());
            out.put(&[f.wobble, f.radial, f.turn]).put(&f.swings);
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

/// Fit: centre 3, radius, rms, max, condition, inverse 16 (row-major).
fn sphere_block(mut arena: Arena) -> i32 {
    let n = arena.u32(0)[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (points, residuals) = (&arena.f64(2)[..3 * n], arena.f64(8));
    match sphere::solve(points, &mut residuals[..n]) {
        Ok(f) => {
            let mut out = Writer(arena.f64(10));
            out.put(f.centre.as_slice()).put(&[f.radius, f.rms, f.max, f.condition]).put(f.inverse.as_slice());
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

/// Puts numbers one after another.
struct Writer<'a>(&'a mut [f64]);

impl Writer<'_> {
    fn put(&mut self, values: &[f64]) -> &mut Self {
        let (now, rest) = core::mem::take(&mut self.0).split_at_mut(values.len());
        now.copy_from_slice(values);
        self.0 = rest;
        self
    }

    fn end(&self) {}
}

fn signal(mode: u32) -> Signal {
    if mode == 1 {
        Signal::Translation
    } else {
        Signal::Rotation
    }
}

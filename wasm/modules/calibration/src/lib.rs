// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Calibration as a WebAssembly module. Capacities: rows of a (poses, points, the fast stream), rows of b (the slow
//! stream), lags.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::offset::{self, PAIR};
use kernel::track::{Signal, Track, ROW};

fn lengths(c: &Capacities) -> [(Kind, u64); 11] {
    let [a, b, lags] = [u64::from(c[0]), u64::from(c[1]), u64::from(c[2])];
    [
        (Kind::U32, 8),      // rows of a, rows of b, lags, mode; out: pairs, inliers
        (Kind::F64, 8),      // parameters of the export
        (Kind::F64, 16 * a), // a
        (Kind::F64, 5 * b),  // b
        (Kind::F64, 5 * b),  // pairs of the slow stream
        (Kind::F64, lags),   // lags
        (Kind::F64, lags),   // correlation
        (Kind::F64, lags),   // pairs behind it
        (Kind::F64, 4 * a),  // residuals (3) and inlier (0, 1) a row of a
        (Kind::F64, a + b),  // scratch
        (Kind::F64, 64),     // fit
    ]
}

abi::kernel!(
    layout = 1,
    capacities = 3,
    blocks = 11,
    lengths = lengths,
    correlate = correlate_block,
    refine = refine_block,
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

fn signal(mode: u32) -> Signal {
    if mode == 1 {
        Signal::Translation
    } else {
        Signal::Rotation
    }
}

// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Registration of points as a WebAssembly module. Capacity: points.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Fit, Refusal, MOST};

fn lengths(c: &Capacities) -> [(Kind, u64); 10] {
    let n = u64::from(c[0]);
    [
        (Kind::U32, 4),               // fixed points, moving points (match_unordered alone), pairs found, spare
        (Kind::F64, 3 * n),           // fixed
        (Kind::F64, 3 * n),           // moving
        (Kind::F64, n),               // weights
        (Kind::F64, 3 * n),           // residuals
        (Kind::F64, 20),              // transform (16), fre, spread (3)
        (Kind::F64, 9 * n),           // covariances of the fixed points
        (Kind::F64, 9 * n),           // covariances of the moving points
        (Kind::F64, 40), // tau; out: covariance (36), cost, steps; or rms, rival's rms, searched, ambiguous
        (Kind::U32, 2 * MOST as u64), // partners, the runner-up's partners; or who is in the consensus
    ]
}

abi::kernel!(
    layout = 2,
    capacities = 1,
    blocks = 10,
    lengths = lengths,
    solve = solve_block,
    leave_one_out = leave_one_out_block,
    solve_anisotropic = solve_anisotropic_block,
    consensus = consensus_block,
    match_unordered = match_unordered_block,
);

fn solve_block(mut arena: Arena) -> i32 {
    let n = arena.u32(0)[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, weights) = (arena.f64(1), arena.f64(2), arena.f64(3));
    let (residuals, out) = (arena.f64(4), arena.f64(5));
    told(kernel::solve(&fixed[..3 * n], &moving[..3 * n], &weights[..n], &mut residuals[..3 * n]), |fit| put(out, &fit))
}

fn put(out: &mut [f64], fit: &Fit) {
    out[..16].copy_from_slice(&fit.transform);
    out[16] = fit.fre;
    out[17..20].copy_from_slice(&fit.spread);
}

fn told<T>(outcome: Result<T, Refusal>, keep: impl FnOnce(T)) -> i32 {
    match outcome {
        Ok(found) => {
            keep(found);
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

fn leave_one_out_block(mut arena: Arena) -> i32 {
    let n = arena.u32(0)[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, weights, errors) = (arena.f64(1), arena.f64(2), arena.f64(3), arena.f64(4));
    told(kernel::leave_one_out(&fixed[..3 * n], &moving[..3 * n], &weights[..n], &mut errors[..3 * n]), |()| ())
}

fn solve_anisotropic_block(mut arena: Arena) -> i32 {
    let n = arena.u32(0)[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, weights, residuals) = (arena.f64(1), arena.f64(2), arena.f64(3), arena.f64(4));
    let (out, of_fixed, of_moving, more) = (arena.f64(5), arena.f64(6), arena.f64(7), arena.f64(8));
    let points = (&fixed[..3 * n], &moving[..3 * n], &of_fixed[..9 * n], &of_moving[..9 * n]);
    let (weights, residuals) = (&mut weights[..n], &mut residuals[..3 * n]);
    told(kernel::solve_anisotropic(points.0, points.1, points.2, points.3, weights, residuals), |fit| {
        put(out, &Fit { transform: fit.transform, fre: fit.fre, spread: fit.spread });
        more[..36].copy_from_slice(&fit.covariance);
        more[36] = fit.cost;
        more[37] = f64::from(fit.steps);
    })
}

fn consensus_block(mut arena: Arena) -> i32 {
    let control = arena.u32(0);
    let n = control[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, tau, members) = (arena.f64(1), arena.f64(2), arena.f64(8)[0], arena.u32(9));
    told(kernel::consensus(&fixed[..3 * n], &moving[..3 * n], tau), |found| {
        control[2] = found.count;
        members[..MOST].iter_mut().enumerate().for_each(|(i, m)| *m = (found.members >> i & 1) as u32);
    })
}

fn match_unordered_block(mut arena: Arena) -> i32 {
    let control = arena.u32(0);
    let (nf, nm) = (control[0] as usize, control[1] as usize);
    if nf.max(nm) > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, more, partners) = (arena.f64(1), arena.f64(2), arena.f64(8), arena.u32(9));
    told(kernel::match_unordered(&fixed[..3 * nf], &moving[..3 * nm], more[0]), |found| {
        control[2] = found.count;
        let ambiguous = f64::from(u8::from(found.ambiguous));
        more[..4].copy_from_slice(&[found.rms, found.rival_rms, found.searched, ambiguous]);
        partners[..MOST].copy_from_slice(&found.partner);
        partners[MOST..].copy_from_slice(&found.runner_up);
    })
}

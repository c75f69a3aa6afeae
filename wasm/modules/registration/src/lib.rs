// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Paired-point registration as a WebAssembly module. Capacity: points.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};

fn lengths(c: &Capacities) -> [(Kind, u64); 6] {
    let n = u64::from(c[0]);
    [
        (Kind::U32, 4),     // count, then spare
        (Kind::F64, 3 * n), // fixed
        (Kind::F64, 3 * n), // moving
        (Kind::F64, n),     // weights
        (Kind::F64, 3 * n), // residuals
        (Kind::F64, 20),    // transform (16), fre, spread (3)
    ]
}

abi::kernel!(layout = 1, capacities = 1, blocks = 6, lengths = lengths, solve = solve_block);

fn solve_block(mut arena: Arena) -> i32 {
    let n = arena.u32(0)[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (fixed, moving, weights) = (arena.f64(1), arena.f64(2), arena.f64(3));
    let (residuals, out) = (arena.f64(4), arena.f64(5));
    match kernel::solve(&fixed[..3 * n], &moving[..3 * n], &weights[..n], &mut residuals[..3 * n]) {
        Ok(fit) => {
            out[..16].copy_from_slice(&fit.transform);
            out[16] = fit.fre;
            out[17..20].copy_from_slice(&fit.spread);
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

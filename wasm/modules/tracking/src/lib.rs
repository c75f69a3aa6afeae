// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Pose interpolation as a WebAssembly module. Capacity: poses.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};

fn lengths(c: &Capacities) -> [(Kind, u64); 5] {
    let n = u64::from(c[0]);
    [
        (Kind::U32, 4),      // count, index of the refused pose
        (Kind::F64, 16 * n), // T0
        (Kind::F64, 16 * n), // T1
        (Kind::F64, n),      // alpha
        (Kind::F64, 16 * n), // result
    ]
}

abi::kernel!(layout = 1, capacities = 1, blocks = 5, lengths = lengths, interpolate = interpolate_block);

fn interpolate_block(mut arena: Arena) -> i32 {
    let control = arena.u32(0);
    let n = control[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (t0, t1, alpha, out) = (arena.f64(1), arena.f64(2), arena.f64(3), arena.f64(4));
    match kernel::interpolate(&t0[..16 * n], &t1[..16 * n], &alpha[..n], &mut out[..16 * n]) {
        Ok(()) => status::OK,
        Err(refused) => {
            control[1] = refused.index as u32;
            refused.refusal as i32
        }
    }
}

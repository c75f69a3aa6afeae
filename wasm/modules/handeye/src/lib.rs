// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Hand-eye and robot-world calibration as a WebAssembly module. Capacity: poses.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Options, Room, Solution, Unknowns};

const REJECT: u32 = 1;
const NOISE_GIVEN: u32 = 2;

fn lengths(c: &Capacities) -> [(Kind, u64); 9] {
    let n = u64::from(c[0]);
    [
        (Kind::U32, 8),      // count, flags (1: reject, 2: noise given); out: index, searched, iterations
        (Kind::F64, 8),      // noise m, noise rad, gate z, least motion rad
        (Kind::F64, 16 * n), // a
        (Kind::F64, 16 * n), // b
        (Kind::F64, 6 * n),  // residuals: translation, rotation vector
        (Kind::F64, n),      // keep
        (Kind::F64, 2 * n),  // scratch
        (Kind::F64, 128),    // X and Z: refined, Park, Daniilidis, Shah (not a number: none)
        (Kind::F64, 304),    // covariance (144), of it from rotations (144), noise m, rad, dof m, rad, motion (6)
    ]
}

abi::kernel!(layout = 1, capacities = 1, blocks = 9, lengths = lengths, solve = solve_block);

fn solve_block(mut arena: Arena) -> i32 {
    let control = arena.u32(0);
    let n = control[0] as usize;
    if n > arena.capacity(0) {
        return status::INPUT;
    }
    let (given, a, b) = (arena.f64(1), arena.f64(2), arena.f64(3));
    let (residuals, keep, scratch) = (arena.f64(4), arena.f64(5), arena.f64(6));
    let (transforms, figures) = (arena.f64(7), arena.f64(8));
    let options = Options {
        reject: control[1] & REJECT != 0,
        given_noise: (control[1] & NOISE_GIVEN != 0).then_some((given[0], given[1])),
        gate_z: given[2],
        least_motion: given[3],
    };
    let mut room = Room {
        residuals: &mut residuals[..6 * n],
        keep: &mut keep[..n],
        scratch: &mut scratch[..2 * n],
        motion: &mut figures[292..298],
    };
    match kernel::solve(&a[..16 * n], &b[..16 * n], &options, &mut room) {
        Ok(found) => {
            write(&found, transforms, figures);
            (control[3], control[4]) = (u32::from(found.searched), found.refined.iterations as u32);
            status::OK
        }
        Err((refusal, index)) => {
            control[2] = index as u32;
            refusal as i32
        }
    }
}

fn write(found: &Solution, transforms: &mut [f64], figures: &mut [f64]) {
    let all = [Some(found.refined.at), found.park, found.daniilidis, found.shah];
    for (of, out) in all.iter().zip(transforms.chunks_exact_mut(32)) {
        put(of, out);
    }
    // symmetric: columns or rows first is the same
    figures[..144].copy_from_slice(found.refined.covariance.as_slice());
    figures[144..288].copy_from_slice(found.refined.from_rotation.as_slice());
    let noise = found.refined.noise;
    figures[288..292].copy_from_slice(&[noise.t, noise.r, noise.dof_t, noise.dof_r]);
}

fn put(of: &Option<Unknowns>, out: &mut [f64]) {
    match of {
        Some(found) => {
            out[..16].copy_from_slice(&found.x.array());
            out[16..32].copy_from_slice(&found.z.array());
        }
        None => out.fill(f64::NAN),
    }
}

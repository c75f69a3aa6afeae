// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Surface registration as a WebAssembly module. Capacities: target points or vertices, triangles, source points.
//!
//! `prepare_target` and `prepare_source` read `raw` (and `faces`); what they make stays until they are called again.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Kept, Method, Motion, Pairs, Refusal, Settings, Shape, Source, Store, Target, Tree, Wish, Work, RECORD};

// control: 0 rows of raw, 1 faces, 2 neighbours, 3 method, 4 loss, 5 most iterations,
//          8 target kept, 9 target is a mesh, 10 source kept, 11 source has normals (8..12 written here)
// params:  0..16 T_target_source, 16 cell, 17 reach, 18 sigma, 19 rotation epsilon, 20 translation epsilon
// state:   0..3 target's origin, 3..6 source's origin, 6..9 target's spread, 9..12 source's spread
// result:  0..16 T_target_source, 16 iterations, 17 converged, 18 inliers, 19 rms, 20 rms distance, 21 noise, 22 score,
//          23 arm, 24 sigma, 25 cost, 26..32 information, 32..68 directions, 68..104 covariance
fn lengths(c: &Capacities) -> [(Kind, u64); 23] {
    let [target, faces, source] = [c[0], c[1], c[2]].map(u64::from);
    let raw = target.max(source);
    let tree = |n: u64| kernel::room(n as usize);
    let (both, own) = (tree(target.max(faces)), tree(source));
    [
        (Kind::U32, 16),                                                                     // 0 control
        (Kind::F64, 24),                                                                     // 1 params
        (Kind::F64, 16),                                                                     // 2 state
        (Kind::F64, 104),                                                                    // 3 result
        (Kind::F64, 3 * raw),                                                                // 4 raw
        (Kind::U32, 3 * faces),                                                              // 5 faces
        (Kind::F64, 3 * target),                                                             // 6 target's points
        (Kind::F64, 3 * target),                                                             // 7 target's normals
        (Kind::F64, 12 * faces),                                                             // 8 target's triangles
        (Kind::F32, both.0 as u64),                                                          // 9 target's nodes
        (Kind::F32, both.1 as u64),                                                          // 10 target's leaves
        (Kind::U32, both.2 as u64),                                                          // 11 target's starts
        (Kind::F64, 3 * source),                                                             // 12 source's points
        (Kind::F64, 3 * source),                                                             // 13 source's normals
        (Kind::F32, own.0 as u64),                                                           // 14 source's nodes
        (Kind::F32, own.1 as u64),                                                           // 15 source's leaves
        (Kind::U32, own.2 as u64),                                                           // 16 source's starts
        (Kind::F64, (4 * raw).max(12 * faces).max(source)), // 17 scratch: sums, records, residuals
        (Kind::U32, 2 * raw + kernel::table_room(raw as usize) as u64 + 4 * raw.max(faces)), // 18 keys, table, items
        (Kind::F64, 3 * source), // 19 partners' points, target's raw coordinates after `evaluate`
        (Kind::F64, 3 * source), // 20 partners' normals
        (Kind::U32, source),     // 21 partners' indices
        (Kind::F32, target),     // 22 target's gaps
    ]
}

abi::kernel!(
    layout = 1,
    capacities = 3,
    blocks = 23,
    lengths = lengths,
    prepare_target = prepare_target_block,
    prepare_source = prepare_source_block,
    align = align_block,
    evaluate = evaluate_block,
);

fn work<'a>(arena: &Arena, sums: &'a mut [f64], words: &'a mut [u32]) -> Work<'a> {
    let raw = arena.capacity(0).max(arena.capacity(2));
    let (keys, rest) = words.split_at_mut(2 * raw);
    let (table, items) = rest.split_at_mut(kernel::table_room(raw));
    Work { sums, keys, table, items }
}

fn prepare_target_block(mut arena: Arena) -> i32 {
    let (control, params, state) = (arena.u32(0), arena.f64(1), arena.f64(2));
    let (rows, faces) = (control[0] as usize, control[1] as usize);
    if rows > arena.capacity(0) || faces > arena.capacity(1) {
        return status::INPUT;
    }
    control[8] = 0;
    let raw = &arena.f64(4)[..3 * rows];
    let (sums, words) = (arena.f64(17), arena.u32(18));
    let work = &mut work(&arena, sums, words);
    let store = &mut Store { nodes: arena.f32(9), leaves: arena.f32(10), starts: arena.u32(11) };
    let is_mesh = control[9] != 0;
    let kept = if is_mesh {
        let faces = &arena.u32(5)[..3 * faces];
        kernel::triangles(raw, faces, work.items, work.sums, store, arena.f64(8))
    } else {
        let wish = Wish { cell: params[16], neighbours: control[2] as usize, centroid: false, tree: true };
        kernel::cloud(raw, &wish, work, store, arena.f64(6), arena.f64(7), arena.f32(22))
    };
    finish(kept, &mut control[8], state, 0, 6)
}

fn prepare_source_block(mut arena: Arena) -> i32 {
    let (control, params, state) = (arena.u32(0), arena.f64(1), arena.f64(2));
    let rows = control[0] as usize;
    if rows > arena.capacity(2) {
        return status::INPUT;
    }
    control[10] = 0;
    let raw = &arena.f64(4)[..3 * rows];
    let neighbours = control[2] as usize;
    let wish = Wish { cell: params[16], neighbours, centroid: true, tree: neighbours > 0 };
    let (sums, words) = (arena.f64(17), arena.u32(18));
    let work = &mut work(&arena, sums, words);
    let store = &mut Store { nodes: arena.f32(14), leaves: arena.f32(15), starts: arena.u32(16) };
    let kept = kernel::cloud(raw, &wish, work, store, arena.f64(12), arena.f64(13), &mut []);
    control[11] = u32::from(neighbours > 0);
    finish(kept, &mut control[10], state, 3, 9)
}

fn finish(kept: Result<Kept, Refusal>, count: &mut u32, state: &mut [f64], origin: usize, spread: usize) -> i32 {
    match kept {
        Ok(kept) => {
            *count = kept.count as u32;
            state[origin..origin + 3].copy_from_slice(&kept.origin);
            state[spread..spread + 3].copy_from_slice(&kept.spread);
            status::OK
        }
        Err(refusal) => refusal as i32,
    }
}

/// What both alignment and evaluation read; None where something was not prepared.
struct Scene<'a> {
    target: Target<'a>,
    source: Source<'a>,
    pairs: Pairs<'a>,
    origins: [[f64; 3]; 2],
}

fn scene(arena: &mut Arena, control: &[u32]) -> Option<Scene<'static>> {
    let (kept, n) = (control[8] as usize, control[10] as usize);
    let is_mesh = control[9] != 0;
    let limit = if is_mesh { arena.capacity(1) } else { arena.capacity(0) };
    if kept == 0 || n == 0 || kept > limit || n > arena.capacity(2) {
        return None;
    }
    let tree = Tree::new(kept, arena.f32(9), arena.f32(10), arena.u32(11), is_mesh);
    let shape = match is_mesh {
        true => Shape::Mesh { triangles: &arena.f64(8)[..RECORD * kept] },
        false => Shape::Cloud {
            points: &arena.f64(6)[..3 * kept],
            normals: &arena.f64(7)[..3 * kept],
            gaps: &arena.f32(22)[..kept],
        },
    };
    let normals = if control[11] != 0 { 3 * n } else { 0 };
    let source = Source { points: &arena.f64(12)[..3 * n], normals: &arena.f64(13)[..normals] };
    let pairs = Pairs {
        index: &mut arena.u32(21)[..n],
        point: &mut arena.f64(19)[..3 * n],
        normal: &mut arena.f64(20)[..3 * n],
    };
    let state = arena.f64(2);
    let origins = [[state[0], state[1], state[2]], [state[3], state[4], state[5]]];
    Some(Scene { target: Target { tree, shape }, source, pairs, origins })
}

fn settings(control: &[u32], params: &[f64]) -> Option<Settings> {
    Some(Settings {
        method: [Method::PointToPlane, Method::Gicp].get(control[3] as usize).copied()?,
        loss: kernel::Kind::from_number(control[4])?,
        sigma: params[18],
        reach: params[17],
        most_iterations: control[5],
        rotation_epsilon: params[19],
        translation_epsilon: params[20],
    })
}

fn align_block(mut arena: Arena) -> i32 {
    let (control, params, result) = (arena.u32(0), arena.f64(1), arena.f64(3));
    let scratch = arena.f64(17);
    let (Some(scene), Some(settings)) = (scene(&mut arena, control), settings(control, params)) else {
        return status::INPUT;
    };
    let Scene { target, source, mut pairs, origins: [to, from] } = scene;
    let start = kernel::to_centred(&Motion::from_rows(params), &to, &from);
    let Some(outcome) = kernel::align(&target, &source, start, &settings, &mut pairs, scratch) else {
        return Refusal::NoOverlap as i32;
    };
    let raw = kernel::to_raw(&outcome.motion, &to, &from);
    let pose = core::array::from_fn(|k| raw.t[k] - (outcome.motion.t[k] + to[k]));
    let Some(found) = kernel::judge(&source, &pairs, &outcome, &settings, &pose) else {
        return Refusal::NoOverlap as i32;
    };
    raw.write(result);
    result[16..26].copy_from_slice(&[
        f64::from(outcome.iterations),
        f64::from(u8::from(outcome.converged)),
        found.inliers as f64,
        found.rms,
        found.rms_distance,
        found.noise,
        found.score,
        found.arm,
        outcome.sigma,
        outcome.cost,
    ]);
    result[26..32].copy_from_slice(&found.information);
    result[32..68].copy_from_slice(found.directions.as_flattened());
    result[68..104].copy_from_slice(found.covariance.as_flattened());
    if found.information[0] < kernel::FREE {
        return Refusal::Degenerate as i32;
    }
    status::OK
}

/// The partners at the pose in `params`, in raw target coordinates, for what was prepared.
fn evaluate_block(mut arena: Arena) -> i32 {
    let (control, params) = (arena.u32(0), arena.f64(1));
    let Some(Scene { target, source, mut pairs, origins: [to, from] }) = scene(&mut arena, control) else {
        return status::INPUT;
    };
    let motion = kernel::to_centred(&Motion::from_rows(params), &to, &from);
    pairs.forget();
    kernel::find(&target, source.points, &motion, params[17], &mut pairs);
    for p in pairs.point.chunks_exact_mut(3) {
        (0..3).for_each(|k| p[k] += to[k]);
    }
    status::OK
}

// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Distances to meshes as a WebAssembly module. Capacities: triangles, meshes, points of one call.
//!
//! `prepare` reads `raw` and the counts in `table`; what it makes stays, and `query` reads it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Arrays, Mesh, Place, CORNERS, LEAF, NODE, ROW};

// control: 0 meshes, 1 points, 2 meshes prepared (written here)
// table:   triangles of the mesh, then (written here) its first triangle, leaf, node and start
// frames:  middle, least and greatest corner of the mesh's box (written here)
fn lengths(c: &Capacities) -> [(Kind, u64); 16] {
    let [triangles, meshes, points] = [c[0], c[1], c[2]].map(u64::from);
    // a mesh of more than eight triangles has fewer leaves than a quarter of them, and a third as many nodes, and one
    let leaves = triangles / 4 + meshes;
    let nodes = leaves / 3 + meshes;
    let rows = points * meshes;
    let by = |n: u64, k: usize| n.saturating_mul(k as u64);
    [
        (Kind::U32, 4),                      // 0 control
        (Kind::U32, by(meshes, TABLE)),      // 1 table
        (Kind::F64, by(meshes, FRAME)),      // 2 frames
        (Kind::F32, by(triangles, CORNERS)), // 3 raw: three corners a triangle, mesh after mesh
        (Kind::F32, by(triangles, CORNERS)), // 4 corners, in the trees' order
        (Kind::U32, triangles),              // 5 order: a triangle's index in its mesh
        (Kind::U32, by(triangles, 4)),       // 6 items
        (Kind::F32, by(nodes, NODE)),        // 7 nodes
        (Kind::F32, by(leaves, LEAF)),       // 8 leaves
        (Kind::U32, leaves + meshes),        // 9 starts
        (Kind::F32, by(nodes, ROW)),         // 10 moments
        (Kind::F32, by(leaves, LEAF)),       // 11 planes
        (Kind::F64, by(points, 3)),          // 12 points
        (Kind::F64, by(rows, 4)),            // 13 answers: closest point and distance, mesh by mesh for each point
        (Kind::U32, rows),                   // 14 triangles
        (Kind::F64, rows),                   // 15 winding numbers
    ]
}

const TABLE: usize = 5;
const FRAME: usize = 9;

abi::kernel!(layout = 1, capacities = 3, blocks = 16, lengths = lengths, prepare = prepare_block, query = query_block,);

fn arrays(arena: &mut Arena) -> Arrays<'static> {
    Arrays {
        raw: arena.f32(3),
        corners: arena.f32(4),
        order: arena.u32(5),
        items: arena.u32(6),
        nodes: arena.f32(7),
        leaves: arena.f32(8),
        starts: arena.u32(9),
        moments: arena.f32(10),
        planes: arena.f32(11),
    }
}

fn prepare_block(mut arena: Arena) -> i32 {
    let (control, table, frames) = (arena.u32(0), arena.u32(1), arena.f64(2));
    let meshes = control[0] as usize;
    control[2] = 0;
    if meshes > arena.capacity(1) {
        return status::INPUT;
    }
    let mut arrays = arrays(&mut arena);
    let mut place = Place::default();
    let rows = table.as_chunks_mut::<TABLE>().0.iter_mut().zip(frames.as_chunks_mut::<FRAME>().0);
    for (row, frame) in rows.take(meshes) {
        let Some(made) = kernel::prepare(place.next(row[0] as usize), &mut arrays) else {
            return status::INPUT;
        };
        place = made;
        *row = [place.count, place.first, place.leaf, place.node, place.start].map(|v| v as u32);
        frame[..3].copy_from_slice(&place.origin);
        frame[3..6].copy_from_slice(&place.low);
        frame[6..].copy_from_slice(&place.high);
    }
    control[2] = control[0];
    status::OK
}

fn place(row: &[u32; TABLE], frame: &[f64; FRAME]) -> Place {
    let [count, first, leaf, node, start] = row.map(|v| v as usize);
    let three = |from: usize| core::array::from_fn(|k| frame[from + k]);
    Place { count, first, leaf, node, start, origin: three(0), low: three(3), high: three(6) }
}

fn query_block(mut arena: Arena) -> i32 {
    let (control, table, frames) = (arena.u32(0), arena.u32(1), arena.f64(2));
    let (meshes, points) = (control[0] as usize, control[1] as usize);
    if control[2] == 0 || control[0] != control[2] || points > arena.capacity(2) {
        return status::INPUT;
    }
    let q = &arena.f64(12)[..3 * points];
    if !q.iter().all(|v| v.abs() <= kernel::FARTHEST_M) {
        return status::INPUT;
    }
    let arrays = arrays(&mut arena);
    let (answers, triangles, winding) = (arena.f64(13), arena.u32(14), arena.f64(15));
    // a mesh's tree stays in the cache for all points
    for m in 0..meshes {
        let mesh = Mesh::at(place(&table.as_chunks().0[m], &frames.as_chunks().0[m]), &arrays);
        for (i, p) in q.as_chunks::<3>().0.iter().enumerate() {
            let row = i * meshes + m;
            let found = kernel::query(&mesh, p);
            answers[4 * row..4 * row + 3].copy_from_slice(&found.closest);
            answers[4 * row + 3] = found.distance;
            (triangles[row], winding[row]) = (found.triangle, found.winding);
        }
    }
    status::OK
}

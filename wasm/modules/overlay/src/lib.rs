// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The rasteriser as a WebAssembly module. Capacities: width, height, vertices, triangles, meshes.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Camera, Layer, Projected, Scene, Target};

fn lengths(c: &Capacities) -> [(Kind, u64); 21] {
    let [width, height, vertices, triangles, meshes] = [c[0], c[1], c[2], c[3], c[4]].map(u64::from);
    let pixels = width * height;
    let by = |n: u64, k: u64| n.saturating_mul(k);
    [
        (Kind::U8, by(pixels, 3)),      // 0 image, bgr
        (Kind::F32, pixels),            // 1 depth
        (Kind::U8, pixels),             // 2 ids
        (Kind::F32, by(pixels, 1) + 4), // 3 layer: 1/z
        (Kind::F32, by(pixels, 1) + 4), // 4 layer: shade
        (Kind::U8, width),              // 5 row of the mask
        (Kind::F32, by(vertices, 3)),   // 6 vertices
        (Kind::F32, by(vertices, 3)),   // 7 normals
        (Kind::U32, by(triangles, 3)),  // 8 triangles, indices from the mesh's first vertex
        (Kind::U32, by(meshes, 4)),     // 9 first vertex, vertices, first triangle, triangles
        (Kind::F64, by(meshes, 12)),    // 10 T_cam_mesh, upper three rows
        (Kind::F32, by(meshes, 8)),     // 11 r, g, b, fill, outline, visible, spare, spare
        (Kind::F64, 16),                // 12 camera: fx skew cx fy cy k1 k2 p1 p2 k3 field_radius
        (Kind::I32, vertices),          // 13 projected x, 1/256 px
        (Kind::I32, vertices),          // 14 projected y, 1/256 px
        (Kind::F32, vertices),          // 15 projected 1/z
        (Kind::F32, vertices),          // 16 shade
        (Kind::U8, vertices),           // 17 outcode
        (Kind::U32, meshes),            // 18 drawing order
        (Kind::F64, meshes),            // 19 nearest depth
        (Kind::I32, 8),                 // 20 state: drawn rectangle x0 y0 x1 y1, meshes used
    ]
}

abi::kernel!(
    layout = 1,
    capacities = 5,
    blocks = 21,
    lengths = lengths,
    prepare = prepare_block,
    render = render_block,
);

/// Once, after the meshes were written: checks the indices, computes the normals, empties depth and ids.
fn prepare_block(mut arena: Arena) -> i32 {
    let meshes = arena.i32(20)[4].max(0) as usize;
    if meshes > arena.capacity(4) {
        return status::INPUT;
    }
    let (vertices, normals, triangles, table) = (arena.f32(6), arena.f32(7), arena.u32(8), arena.u32(9));
    arena.f32(1).fill(f32::INFINITY);
    match kernel::prepare(vertices, triangles, &table[..4 * meshes], normals) {
        true => status::OK,
        false => status::INPUT,
    }
}

fn render_block(mut arena: Arena) -> i32 {
    let (width, height) = (arena.capacity(0), arena.capacity(1));
    let state = arena.i32(20);
    let meshes = state[4].max(0) as usize;
    if meshes > arena.capacity(4) {
        return status::INPUT;
    }
    let Some(camera) = Camera::from_slice(arena.f64(12)) else { return status::INPUT };
    let target = Target { width, height, image: arena.u8(0), depth: arena.f32(1), ids: arena.u8(2), mask: arena.u8(5) };
    let layer = Layer { invz: arena.f32(3), shade: arena.f32(4) };
    let scene = Scene {
        vertices: arena.f32(6),
        normals: arena.f32(7),
        triangles: arena.u32(8),
        table: &arena.u32(9)[..4 * meshes],
        poses: arena.f64(10),
        styles: arena.f32(11),
    };
    let projected =
        Projected { x: arena.i32(13), y: arena.i32(14), invz: arena.f32(15), shade: arena.f32(16), code: arena.u8(17) };
    let rectangle = [state[0], state[1], state[2], state[3]];
    match kernel::render(target, layer, &scene, &camera, projected, arena.u32(18), arena.f64(19), rectangle) {
        Some(drawn) => {
            state[..4].copy_from_slice(&drawn);
            status::OK
        }
        None => status::INPUT,
    }
}

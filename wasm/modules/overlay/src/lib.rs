// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The rasteriser as a WebAssembly module. Capacities: width, height, resident vertices and triangles, meshes of a frame,
//! resident meshes (levels included).
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::{Camera, Look, Plan, Refusal, Resident, Scene, Target, Work};

const TILES_FROM: usize = 16;
/// Too many triangles or lines were clipped.
const ROOM: i32 = 16;

fn lengths(c: &Capacities) -> [(Kind, u64); 24] {
    let [width, height, vertices, triangles, meshes, rows] = [c[0], c[1], c[2], c[3], c[4], c[5]].map(u64::from);
    let pixels = width * height;
    let by = |n: u64, k: u64| n.saturating_mul(k);
    let s = kernel::sizes(width, height, vertices, triangles, meshes);
    [
        (Kind::U8, by(pixels, 3)),                     // 0 image
        (Kind::F32, pixels),                           // 1 depth
        (Kind::U8, pixels),                            // 2 ids
        (Kind::U8, s.mask),                            // 3 mask, and scratch
        (Kind::F32, by(vertices, 3)),                  // 4 vertices
        (Kind::F32, by(vertices, 3)),                  // 5 normals
        (Kind::U32, by(triangles, 3)),                 // 6 triangles, indices from the mesh's first vertex
        (Kind::U32, s.edges),                          // 7 edges
        (Kind::U32, by(rows, kernel::ROW as u64)), // 8 table: first vertex, vertices, first triangle, triangles, ...
        (Kind::F64, by(meshes, 12)),               // 9 T_cam_mesh, upper three rows
        (Kind::F32, by(meshes, kernel::STYLE as u64)), // 10 styles
        (Kind::U32, meshes),                       // 11 each mesh's row of the table
        (Kind::F64, 16),                           // 12 camera
        (Kind::F64, 16),                           // 13 look
        (Kind::U32, s.corners),                    // 14 projected vertices
        (Kind::U8, vertices),                      // 15 outcodes
        (Kind::U8, triangles),                     // 16 facing
        (Kind::U32, s.spans),                      // 17 tiles of each triangle
        (Kind::U32, s.extra),                      // 18 clipped triangles
        (Kind::U32, s.segments),                   // 19 lines
        (Kind::U32, s.words),                      // 20 bins
        (Kind::F32, s.floats),                     // 21 a tile's layer, lines and fragments
        (Kind::U32, s.colours),                    // 22 a tile's ids and fragments
        (Kind::I32, TILES_FROM as u64 + s.tiles),  // 23 state: region x0 y0 x1 y1, rows, meshes, slots, apron, share (2); tiles
    ]
}

abi::kernel!(
    layout = 2,
    capacities = 6,
    blocks = 24,
    lengths = lengths,
    prepare = prepare_block,
    project = project_block,
    render = render_block,
);

/// Once, after the meshes were written: checks the indices, finds normals and edges, empties the depth.
fn prepare_block(mut arena: Arena) -> i32 {
    let rows = arena.i32(23)[4].max(0) as usize;
    if rows > arena.capacity(5) {
        return status::INPUT;
    }
    arena.f32(1).fill(f32::INFINITY);
    let table = &mut arena.u32(8)[..kernel::ROW * rows];
    let (vertices, triangles) = (arena.f32(4), arena.u32(6));
    match kernel::prepare(vertices, triangles, table, arena.f32(5), arena.u32(7), arena.u32(20)) {
        true => status::OK,
        false => status::INPUT,
    }
}

/// What both calls of a frame read and write.
struct Parts {
    width: usize,
    height: usize,
    camera: Camera,
    look: Look,
    resident: Resident<'static>,
    scene: Scene<'static>,
    work: Work<'static>,
}

fn parts(arena: &mut Arena, state: &[i32]) -> Option<Parts> {
    let (rows, meshes) = (state[4].max(0) as usize, state[5].max(0) as usize);
    if rows > arena.capacity(5) || meshes > arena.capacity(4) {
        return None;
    }
    Some(Parts {
        width: arena.capacity(0),
        height: arena.capacity(1),
        camera: Camera::from_slice(arena.f64(12))?,
        look: Look::from_slice(arena.f64(13))?,
        resident: Resident {
            vertices: arena.f32(4),
            normals: arena.f32(5),
            triangles: arena.u32(6),
            edges: arena.u32(7),
            table: &arena.u32(8)[..kernel::ROW * rows],
        },
        scene: Scene { select: &arena.u32(11)[..meshes], poses: arena.f64(9), styles: arena.f32(10) },
        work: Work {
            corners: arena.u32(14),
            code: arena.u8(15),
            facing: arena.u8(16),
            spans: arena.u32(17),
            extra: arena.u32(18),
            segments: arena.u32(19),
            words: arena.u32(20),
            floats: arena.f32(21),
            colours: arena.u32(22),
        },
    })
}

/// Leaves in the state which part of the image `render` touches.
fn project_block(mut arena: Arena) -> i32 {
    let state = arena.i32(23);
    let Some(mut p) = parts(&mut arena, state) else { return status::INPUT };
    let plan = kernel::project(&p.resident, &p.scene, &p.camera, &p.look, &mut p.work, p.width, p.height);
    let plan = match plan {
        Ok(plan) => plan,
        Err(Refusal::Input) => return status::INPUT,
        Err(Refusal::Room) => return ROOM,
    };
    state[..4].copy_from_slice(&plan.region);
    (state[6], state[7]) = (plan.slots as i32, plan.apron as i32);
    status::OK
}

/// After `project` with nothing changed but the image and the mask.
fn render_block(mut arena: Arena) -> i32 {
    let state = arena.i32(23);
    let Some(mut p) = parts(&mut arena, state) else { return status::INPUT };
    let (state, dirty) = state.split_at_mut(TILES_FROM);
    let (region, slots) = ([state[0], state[1], state[2], state[3]], state[6].max(0) as usize);
    if slots > p.scene.select.len() || !(0..=8).contains(&state[7]) {
        return status::INPUT;
    }
    let share = [state[8].max(0) as usize, state[9].max(1) as usize];
    let plan = Plan { region, slots, apron: state[7] as usize, share };
    let mut target = Target {
        width: p.width,
        height: p.height,
        image: arena.u8(0),
        depth: arena.f32(1),
        ids: arena.u8(2),
        mask: arena.u8(3),
        dirty,
    };
    kernel::render(&mut target, &p.resident, &p.scene, &p.camera, &p.look, &mut p.work, &plan);
    status::OK
}

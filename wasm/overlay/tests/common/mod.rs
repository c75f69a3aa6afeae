// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A whole picture on the heap, for tests.

use overlay::{prepare, project, render, sizes, Camera, Look, Rectangle, Resident, Scene, Target, Work, ROW};

/// Meshes by (vertices, triangles), one pose of twelve numbers and one style of sixteen each.
pub struct World {
    pub width: usize,
    pub height: usize,
    pub camera: Vec<f64>,
    pub meshes: Vec<(Vec<f32>, Vec<u32>)>,
    pub poses: Vec<f64>,
    pub styles: Vec<f32>,
    pub look: Vec<f64>,
    pub mask: Vec<u8>,
}

#[derive(Default)]
pub struct Picture {
    pub image: Vec<u8>,
    pub depth: Vec<f32>,
    pub ids: Vec<u8>,
    pub region: Rectangle,
    pub table: Vec<u32>,
}

/// Draws over an image; `frames` times, as at video rate, each time over the same image.
pub fn draw(world: &World, image: &[u8], frames: usize) -> Option<Picture> {
    let (mut vertices, mut triangles, mut table) = (Vec::new(), Vec::new(), Vec::new());
    for (v, t) in &world.meshes {
        table.extend([vertices.len() / 3, v.len() / 3, triangles.len() / 3, t.len() / 3].map(|n| n as u32));
        table.extend([0; ROW - 4]);
        vertices.extend(v);
        triangles.extend(t);
    }
    let (pixels, n) = (world.width * world.height, vertices.len() / 3);
    let (w, h) = (world.width as u64, world.height as u64);
    let s = sizes(w, h, n as u64, triangles.len() as u64 / 3, world.meshes.len() as u64);
    let words = |n: u64| vec![0u32; n as usize];
    let (mut normals, mut edges, mut scratch) = (vec![0.0; vertices.len()], words(s.edges), words(s.words));
    assert!(prepare(&vertices, &triangles, &mut table, &mut normals, &mut edges, &mut scratch));
    let mut out = Picture { depth: vec![f32::INFINITY; pixels], ids: vec![0; pixels], ..Picture::default() };
    let (mut corners, mut spans, mut extra) = (words(s.corners), words(s.spans), words(s.extra));
    let (mut segments, mut colours, mut floats) = (words(s.segments), words(s.colours), vec![0.0; s.floats as usize]);
    let (mut code, mut facing, mut dirty) = (vec![0; n], vec![0; triangles.len() / 3], vec![0; s.tiles as usize]);
    let mut mask = world.mask.clone();
    mask.resize(s.mask as usize, 0);
    let camera = Camera::from_slice(&world.camera)?;
    let look = Look::from_slice(&world.look)?;
    let select: Vec<u32> = (0..world.meshes.len() as u32).collect();
    let resident =
        Resident { vertices: &vertices, normals: &normals, triangles: &triangles, edges: &edges, table: &table };
    let scene = Scene { select: &select, poses: &world.poses, styles: &world.styles };
    for _ in 0..frames {
        out.image = image.to_vec();
        let mut work = Work {
            corners: &mut corners,
            code: &mut code,
            facing: &mut facing,
            spans: &mut spans,
            extra: &mut extra,
            segments: &mut segments,
            words: &mut scratch,
            floats: &mut floats,
            colours: &mut colours,
        };
        let plan = project(&resident, &scene, &camera, &look, &mut work, world.width, world.height).ok()?;
        let mut target = Target {
            width: world.width,
            height: world.height,
            image: &mut out.image,
            depth: &mut out.depth,
            ids: &mut out.ids,
            mask: &mut mask,
            dirty: &mut dirty,
        };
        render(&mut target, &resident, &scene, &camera, &look, &mut work, &plan);
        out.region = plan.region;
    }
    out.table = table;
    Some(out)
}

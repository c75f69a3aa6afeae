// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A whole picture on the heap, for tests.

use overlay::{prepare, render, Camera, Layer, Projected, Scene, Target, EMPTY};

/// Meshes by (vertices, triangles), one pose of twelve numbers and one style of eight each.
pub struct World {
    pub width: usize,
    pub height: usize,
    pub camera: Vec<f64>,
    pub meshes: Vec<(Vec<f32>, Vec<u32>)>,
    pub poses: Vec<f64>,
    pub styles: Vec<f32>,
}

pub struct Picture {
    pub image: Vec<u8>,
    pub depth: Vec<f32>,
    pub ids: Vec<u8>,
    pub rectangle: [i32; 4],
}

/// Draws over an image; `frames` times, as at video rate, each time over the same image.
pub fn draw(world: &World, image: &[u8], frames: usize) -> Option<Picture> {
    let (mut vertices, mut triangles, mut table) = (Vec::new(), Vec::new(), Vec::new());
    for (v, t) in &world.meshes {
        table.extend([vertices.len() / 3, v.len() / 3, triangles.len() / 3, t.len() / 3].map(|n| n as u32));
        vertices.extend(v);
        triangles.extend(t);
    }
    let mut normals = vec![0.0; vertices.len()];
    assert!(prepare(&vertices, &triangles, &table, &mut normals));
    let (pixels, n, m) = (world.width * world.height, vertices.len() / 3, world.meshes.len());
    let mut out = Picture { image: vec![], depth: vec![f32::INFINITY; pixels], ids: vec![0; pixels], rectangle: EMPTY };
    let (mut invz, mut shade) = (vec![0.0; pixels + 4], vec![0.0; pixels + 4]);
    for _ in 0..frames {
        out.image = image.to_vec();
        let scene = Scene {
            vertices: &vertices,
            normals: &normals,
            triangles: &triangles,
            table: &table,
            poses: &world.poses,
            styles: &world.styles,
        };
        let target = Target {
            width: world.width,
            height: world.height,
            image: &mut out.image,
            depth: &mut out.depth,
            ids: &mut out.ids,
            mask: &mut vec![0; world.width],
        };
        let projected = Projected {
            x: &mut vec![0; n],
            y: &mut vec![0; n],
            invz: &mut vec![0.0; n],
            shade: &mut vec![0.0; n],
            code: &mut vec![0; n],
        };
        let layer = Layer { invz: &mut invz, shade: &mut shade };
        let camera = Camera::from_slice(&world.camera)?;
        let (mut order, mut nearest) = (vec![0; m], vec![0.0; m]);
        out.rectangle = render(target, layer, &scene, &camera, projected, &mut order, &mut nearest, out.rectangle)?;
        assert!(invz.iter().all(|v| *v == 0.0), "the layer is left empty");
    }
    Some(out)
}

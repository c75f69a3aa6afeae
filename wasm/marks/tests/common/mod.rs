// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A picture with what the kernel needs around it.
#![allow(dead_code)]

use marks::{draw, lanes::PIXELS, Picture, Scratch, Sources, LONGEST_PERIOD, MARK, SEGMENT};

pub const BOX: f64 = 0.0;
pub const LINE: f64 = 1.0;
pub const STRIPES: f64 = 2.0;
pub const TEXT: f64 = 3.0;

pub struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
    pub points: Vec<f64>,
    pub glyphs: Vec<i32>,
    pub atlas: Vec<u8>,
    room: usize,
}

impl Canvas {
    /// A black picture with room for so many segments.
    pub fn new(width: usize, height: usize, room: usize) -> Self {
        let pixels = vec![0; 3 * width * height];
        Canvas { width, height, pixels, points: vec![], glyphs: vec![], atlas: vec![], room }
    }

    pub fn draw(&mut self, marks: &[f64]) -> bool {
        let mut picture = Picture { width: self.width, height: self.height, pixels: &mut self.pixels };
        let sources = Sources { points: &self.points, glyphs: &self.glyphs, atlas: &self.atlas };
        let mut scratch = Scratch {
            distances: &mut vec![f32::NAN; self.width + PIXELS],
            cover: &mut vec![77; 4 * (self.width + LONGEST_PERIOD)],
            segments: &mut vec![f32::NAN; SEGMENT * self.room],
            near: &mut vec![u32::MAX; self.room],
        };
        draw(&mut picture, marks, &sources, &mut scratch)
    }

    /// The first channel of a pixel.
    pub fn at(&self, x: usize, y: usize) -> u8 {
        self.pixels[3 * (y * self.width + x)]
    }

    /// The picture's light in whole pixels of full coverage.
    pub fn light(&self) -> f64 {
        self.pixels.iter().step_by(3).map(|v| f64::from(*v) / 255.0).sum()
    }
}

/// A white mark of an opacity, over `count` of the canvas' points or glyphs.
pub fn white(kind: f64, alpha: f64, count: usize, own: &[f64]) -> Vec<f64> {
    let mut mark = vec![kind, 255.0, 255.0, 255.0, alpha, 0.0, count as f64];
    mark.extend_from_slice(own);
    mark.resize(MARK, 0.0);
    mark
}

/// The image under the golden vectors.
pub fn background(width: usize, height: usize) -> Vec<u8> {
    let pixel = |x: usize, y: usize| [0, 1, 2].map(|c| ((7 * x + 13 * y + 50 * c) % 256) as u8);
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

// The push constants of the passes that make a view's pixels: views_finish.comp and views_blur.comp.
layout(push_constant) uniform Push {
	uint rows, quads, row0;
	vec4 mean, scale;
};

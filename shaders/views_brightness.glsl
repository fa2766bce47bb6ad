// Brightness scales and clamps: torchvision's blend with black.
vec4 brightness(vec4 v, float factor) { return clamp(v * factor, 0.0, 1.0); }

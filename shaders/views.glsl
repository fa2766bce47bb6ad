// What the passes over views share: one row of the parameter table has 16 floats, written by ssl/views (Spec.Row).
// Columns 9 to 15 are zero and free.
#define COLUMN(ROW, COL) LOAD(table, (ROW) * 4u + (COL) / 4u)[(COL) % 4u]
#define COL_SOURCE 0u         // slot of the source image in the uploaded batch
#define COL_TOP 1u            // crop box, whole pixels of the source
#define COL_LEFT 2u
#define COL_HEIGHT 3u
#define COL_WIDTH 4u
#define COL_FLIP 5u           // 1: mirrored left to right
#define COL_BRIGHTNESS 6u     // factor, 1: none
#define COL_CONTRAST 7u       // factor, 1: none
#define COL_CONTRAST_FIRST 8u // 1: contrast before brightness

"use strict";
// page.js starts what the report draws.
{
	const data = JSON.parse(document.getElementById("data").textContent);
	if (data.charts) drawCharts(data);
	if (data.maps) new MapView(data);
}

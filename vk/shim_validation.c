// The validation layer's messages.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim_internal.h"

// The layer calls back on any thread that is inside a Vulkan call, so the messages are kept here, in C, and fetched later. The
// first KEEP of them are kept, all are counted.
#define KEEP 64
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *messages[KEEP];
static uint64_t count;

VkBool32 marr_on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT type,
	const VkDebugUtilsMessengerCallbackDataEXT *data, void *user) {
	(void)severity, (void)type, (void)user;
	pthread_mutex_lock(&lock);
	if (count < KEEP) messages[count] = strdup(data->pMessage ? data->pMessage : "");
	count++;
	pthread_mutex_unlock(&lock);
	return VK_FALSE;
}

uint64_t marr_message_count(void) {
	pthread_mutex_lock(&lock);
	uint64_t n = count;
	pthread_mutex_unlock(&lock);
	return n;
}

// marr_message copies message index, cut to room bytes, and returns how many it wrote; 0 when it was not kept.
uint32_t marr_message(uint32_t index, char *text, uint32_t room) {
	uint32_t n = 0;
	pthread_mutex_lock(&lock);
	if (index < KEEP && index < count && messages[index]) {
		n = (uint32_t)strlen(messages[index]);
		if (n > room) n = room;
		memcpy(text, messages[index], n);
	}
	pthread_mutex_unlock(&lock);
	return n;
}

void marr_message_clear(void) {
	pthread_mutex_lock(&lock);
	for (int i = 0; i < KEEP; i++) {
		free(messages[i]);
		messages[i] = NULL;
	}
	count = 0;
	pthread_mutex_unlock(&lock);
}

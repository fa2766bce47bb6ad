// Messages of the validation layer.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim_internal.h"

// The layer calls back on any thread that is in a Vulkan call. Therefore C code stores the messages, and Go reads them later. All are
// counted, and the first KEEP are stored.
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

// marr_message copies at most room bytes of message number index and returns how many; 0 if that message is not stored.
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

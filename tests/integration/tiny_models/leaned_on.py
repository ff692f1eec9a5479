"""What of ComfyUI the pack leans on that ComfyUI does not promise to keep, and what for; no ComfyUI import.

Its public API is `comfy_api`; everything here may move with any release. `test_leaned_on.py` names each that has.
"""

from __future__ import annotations

NAMES = {
    "comfy.cli_args.args": "whether pictures may carry their prompt",
    "comfy.latent_formats.LatentFormat": "the demo model's latents; the tiny decoder of a VAE's space",
    "comfy.ldm.flux.model.FluxParams": "the demo model's sizes",
    "comfy.ldm.modules.attention.attention_pytorch": "attention that has a gradient and can be listened to",
    "comfy.model_management.free_memory": "room for recognisers",
    "comfy.model_management.get_torch_device": "where to compute",
    "comfy.model_management.load_models_gpu": "a VAE beside its model",
    "comfy.model_management.LoadedModel": "models that stay while room is made",
    "comfy.model_management.minimum_inference_memory": "how much room",
    "comfy.model_management.soft_empty_cache": "before a second attempt",
    "comfy.model_management.throw_exception_if_processing_interrupted": "Cancel",
    "comfy.model_management.unet_offload_device": "the demo model",
    "comfy.model_management.unload_all_models": "before a second attempt",
    "comfy.model_management.vae_device": "the demo model's VAE",
    "comfy.model_management.vae_offload_device": "the demo model's VAE",
    "comfy.model_patcher.create_model_options_clone": "attention of our own for one run",
    "comfy.model_patcher.ModelPatcher": "the demo model",
    "comfy.model_sampling.CONST": "telling flow models from others",
    "comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING": "room for gradients",
    "comfy.samplers.CFGGuider.inner_set_conds": "guiders of our own",
    "comfy.samplers.CFGGuider.predict_noise": "which prompt a call is about",
    "comfy.samplers.CFGGuider.set_cfg": "guiders of our own",
    "comfy.samplers.KSAMPLER": "samplers of our own",
    "comfy.samplers.sampler_object": "euler in place of samplers that take no single step",
    "comfy.samplers.sampling_function": "guiders of our own",
    "comfy.conds.CONDRegular._copy_with": "a prompt with other text",
    "comfy.sd.VAE": "the demo model's VAE",
    "comfy.supported_models.Flux": "the demo model",
    "comfy.taesd.taesd.TAESD": "the demo model's VAE",
    "comfy.utils.ProgressBar": "the bar",
    "comfyui_version.__version__": "saying which version left a node out",
    "folder_paths.folder_names_and_paths": "extra_model_paths.yaml",
    "folder_paths.get_folder_paths": "model folders",
    "folder_paths.get_annotated_filepath": "Load Portrait",
    "folder_paths.get_input_directory": "Load Portrait",
    "folder_paths.get_temp_directory": "Load Portrait, whose examples are lent there",
    "folder_paths.get_output_directory": "Save Protected",
    "folder_paths.get_save_image_path": "Save Protected",
    "folder_paths.models_dir": "model folders",
    "server.PromptServer.add_on_prompt_handler": "warnings where a result is remembered and its node not run",
    "server.PromptServer.send_progress_text": "whether the guard won, shown on the node",
}
HELD = {
    "vae": (
        *("first_stage_model", "patcher", "device", "vae_dtype", "latent_channels", "latent_dim", "output_channels"),
        *("downscale_ratio", "upscale_ratio", "process_input", "process_output", "memory_used_decode"),
    ),
    "model": ("model", "load_device", "get_model_object", "clone", "add_wrapper_with_key"),
    "guider": ("model_patcher", "inner_model", "conds", "loaded_models", "cfg"),
    "sampler": ("sampler_function", "extra_options", "inpaint_options"),
    "network": ("diffusion_model", "model_sampling", "latent_format"),
    "levels": ("sigma_min", "sigma_max", "noise_scaling", "inverse_noise_scaling"),
    "latents": ("latent_channels", "latent_dimensions", "process_in", "process_out", "taesd_decoder_name"),
}
"""Attributes of objects that nodes are given, or find in a guider while it samples."""
